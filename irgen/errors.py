"""Every error that irgen raises on purpose: what, where, how to mend."""


class IrgenError(Exception):
    """A request or an input is wrong: one sentence `what`, the place `at`, and the remedy `fix`."""

    def __init__(self, what: str, *, at: str | None = None, fix: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.at = at
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.what]
        if self.at:
            lines.append(f"  at:  {self.at}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class SourceError(IrgenError):
    """The source cannot be found, read or built."""


class InputError(IrgenError):
    """The inputs do not fit the model."""


class CaptureError(IrgenError):
    """The model could not be captured."""


class GraphError(IrgenError):
    """An invariant of the IR does not hold, or a text or JSON form cannot be read."""


class OutputError(IrgenError):
    """The target cannot be written, or its format or view is unknown."""


class RenderError(IrgenError):
    """A scene could not be rendered."""


class ExportError(IrgenError):
    """The model could not be exported, or not within the time allowed."""
