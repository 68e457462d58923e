"""Every word that a figure shows, in the languages it speaks. The English text is the key."""

from __future__ import annotations

KOREAN: dict[str, str] = {
    # input and output
    "Token ids": "토큰 ID", "Input tokens": "입력 토큰", "Target tokens": "출력 토큰", "Positions": "위치",
    "Segment ids": "세그먼트 ID", "Image": "이미지", "Video": "비디오", "Audio": "오디오", "Boxes": "경계 상자",
    "Codebook tokens": "코드북 토큰", "Logits": "로짓", "Class logits": "클래스 로짓", "Class map": "클래스 지도",
    "Hidden states": "은닉 상태", "Embedding vector": "임베딩 벡터", "Output": "출력", "Input": "입력", "Degrees": "차수",
    "Prediction": "예측", "Features": "특징", "Edges": "간선", "Distances": "거리", "{n} outputs": "출력 {n}개",
    # embeddings
    "Token embedding": "토큰 임베딩", "Position embedding": "위치 임베딩", "Segment embedding": "세그먼트 임베딩",
    "Token": "토큰", "Position": "위치", "Segment": "세그먼트", "Patch embedding": "패치 임베딩", "Patch": "패치",
    "Tubelet embedding": "튜블릿 임베딩", "Tubelet": "튜블릿", "Box embedding": "상자 임베딩", "Box": "상자",
    "Frame embedding": "프레임 임베딩", "Frame": "프레임", "Degree embedding": "차수 임베딩", "Degree": "차수",
    "Spatial encoding": "공간 인코딩", "Edge encoding": "간선 인코딩", "Codebook": "코드북",
    "Codebook embedding": "코드북 임베딩", "Linear embedding": "선형 임베딩", "Linear": "선형 변환",
    "Sinusoidal positions": "사인 위치 인코딩", "Sinusoidal": "사인파", "Embedding": "임베딩",
    "{n} embeddings": "임베딩 {n}개", "tied": "가중치 공유", "shared": "공유", "summed": "합산", "Class token": "클래스 토큰",
    # sublayers
    "Self-attention": "셀프 어텐션", "Masked self-attention": "마스크드 셀프 어텐션", "Full attention": "전체 어텐션",
    "Grouped-query attention": "그룹 쿼리 어텐션", "Multi-query attention": "멀티 쿼리 어텐션",
    "Latent attention": "잠재 어텐션", "Sliding-window attention": "슬라이딩 윈도 어텐션",
    "Window attention": "윈도 어텐션", "Shifted-window attention": "이동 윈도 어텐션", "Prefix attention": "프리픽스 어텐션",
    "Temporal attention": "시간 어텐션", "Spatial attention": "공간 어텐션", "Cross-attention": "교차 어텐션",
    "Gated cross-attention": "게이트 교차 어텐션", "Efficient attention": "효율적 어텐션", "Feed-forward": "피드포워드",
    "Linear → Δ, B, C": "선형 → Δ, B, C", "Linear → r, i": "선형 → r, i", "sinks": "싱크",
    "Gated MLP": "게이트 MLP", "Masked attention": "마스크드 어텐션", "Sliding attention": "슬라이딩 어텐션", "GQA": "GQA",
    "Shifted windows": "이동 윈도", "MQA": "MQA", "{n} channels": "채널 {n}", "+ {n}": "+ {n}", "Vision encoder": "비전 인코더",
    "Text encoder": "텍스트 인코더", "Audio encoder": "오디오 인코더", "Video encoder": "비디오 인코더", "Backbone": "백본",
    "Projection head": "투영 헤드", "K, V": "K, V", "Latents": "잠재 벡터", "Q": "Q",
    "Gated feed-forward": "게이트 피드포워드", "Mixture of experts": "전문가 혼합", "Selective scan": "선택적 스캔",
    "Gated recurrence": "게이트 순환", "Linear recurrence": "선형 순환", "Recurrence": "순환", "Convolution": "합성곱",
    "Depthwise conv": "깊이별 합성곱", "Bottleneck": "병목 블록", "Inverted residual": "역잔차 블록",
    "Inception": "인셉션 블록", "Patch merging": "패치 병합", "Pooling": "풀링", "Vector quantiser": "벡터 양자화",
    "Token mixing": "토큰 혼합", "Fourier mixing": "푸리에 혼합", "Unrecognised": "미인식",
    "Custom-mask attention": "사용자 마스크 어텐션", "Masked convolution": "마스크드 합성곱", "Sublayer": "하위 층",
    # captions
    "{n} heads": "헤드 {n}개", "{n} head": "헤드 {n}개", "{n} KV": "KV {n}개", "window {n}": "윈도 {n}",
    "relative bias": "상대 위치 편향", "{n} experts": "전문가 {n}개", "top-{n}": "상위 {n}개", "{n} shared": "공유 {n}개",
    "state {n}": "상태 {n}", "stride {n}": "보폭 {n}", "depthwise": "깊이별", "bidirectional": "양방향", "conv {n}": "합성곱 {n}",
    "{n} wide": "너비 {n}", "K, V from {n}": "K, V: {n}", "from {n}": "{n}에서", "causal": "인과", "no mask": "마스크 없음",
    "ALiBi": "ALiBi", "graph bias": "그래프 편향", "relative": "상대 위치", "layers {n}": "레이어 {n}",
    "layer {n}": "레이어 {n}", "{n} operators": "연산 {n}개", "with {n}": "{n} 포함", "Q / K norm": "Q·K 정규화",
    "gated": "게이트", "same weights": "같은 가중치", "groups {n}": "그룹 {n}", "{n} sublayers": "하위 층 {n}개",
    # norms, joints, panels
    "LayerNorm": "레이어 정규화", "RMSNorm": "RMS 정규화", "BatchNorm": "배치 정규화", "GroupNorm": "그룹 정규화",
    "InstanceNorm": "인스턴스 정규화", "Norm": "정규화", "Residual add": "잔차 합", "Sum": "합", "Elementwise product": "원소별 곱",
    "Output projection": "출력 투영", "Input projection": "입력 투영", "Scaled dot-product attention": "스케일드 닷-프로덕트 어텐션",
    "Router": "라우터", "Weighted sum": "가중 합", "Linear up": "선형 확장", "Linear gate": "선형 게이트",
    "Linear down": "선형 축소", "Causal conv1d": "인과 합성곱", "RoPE": "RoPE", "Sinks": "싱크", "gate z": "게이트 z",
    "input-dependent": "입력에 따라 변함", "{n} query heads share each KV head": "쿼리 헤드 {n}개가 KV 헤드 하나를 공유",
    "Softmax over keys and sink": "키와 싱크에 대한 소프트맥스", "memory": "메모리", "latents": "잠재 벡터",
    "{n} expert": "전문가 {n}", "Shared expert": "공유 전문가", "Shared": "공유", "Fusion of {n} scales": "{n}개 스케일 융합", "Latent": "잠재 벡터", "Map": "크기", "Regular windows": "일반 윈도", "Shifted by {n}": "{n}칸 이동",
    "Shifted-window block": "이동 윈도 블록", "Window block": "윈도 블록", "Attention scores of one head": "헤드 하나의 어텐션 점수",
    "last {n} keys": "최근 키 {n}개", "all past keys": "모든 이전 키", "all keys": "모든 키", "window of {n}": "윈도 {n}",
    "Upsample": "업샘플", "Concat": "연결", "Add": "합", "Token scatter": "토큰 삽입", "Activation": "활성화",
    "Interleave": "교차 배열", "over the top {n}": "상위 {n}개에 대해", "{n} experts, {h} wide": "전문가 {n}개, 너비 {h}",
    "softmax": "소프트맥스", "sigmoid": "시그모이드", "Gate": "게이트", "carried state": "이전 상태", "Relative bias": "상대 위치 편향",
    # heads
    "LM head": "언어 모델 헤드", "Classifier": "분류기", "Regression head": "회귀 헤드", "Segmentation head": "분할 헤드",
    "Head": "헤드",
    # groups
    "Block": "트랜스포머 블록", "Encoder": "인코더", "Decoder": "디코더", "Encoder block": "인코더 블록",
    "Decoder block": "디코더 블록", "Stage {n}": "스테이지 {n}", "Resampler": "리샘플러", "Layer": "레이어", "Pattern": "패턴",
    "Layer pair": "레이어 쌍", "Full layer": "전체 어텐션 층", "Sliding layer": "슬라이딩 층", "Attention layer": "어텐션 층",
    "Recurrent layer": "순환 층", "Convolution layer": "합성곱 층", "Mixture layer": "전문가 혼합 층", "Dense layer": "밀집 층",
    "Window layer": "윈도 층", "Shifted layer": "이동 윈도 층", "Cross-attention layer": "교차 어텐션 층", "Layer {n}": "레이어 {n}",
    "Tower": "타워", "Codec": "코덱", "Stage": "스테이지", "Projection": "투영", "Identity": "항등", "Feed-forward layer": "피드포워드 층",
    # facts strip
    "Parameters": "파라미터", "Active / token": "활성 / 토큰", "Layers": "레이어", "Heads": "헤드", "Context": "컨텍스트",
    "Vocabulary": "어휘 크기", "Window": "윈도", "State N": "상태 N", "Stages": "스테이지", "Channels": "채널",
    "Experts": "전문가", "Classes": "클래스", "Codebooks": "코드북", "Outputs": "출력", "Width": "너비", "{n} of {k}": "{k}개 중 {n}개",
    "Patches": "패치", "Operators": "연산", "Nodes": "노드",
    # legend
    "Embedding / parameter": "임베딩 · 파라미터", "Norm / projection": "정규화 · 투영", "Output head": "출력 헤드",
    "Router / mixture": "라우터 · 혼합", "State-space scan": "상태 공간 스캔", "Residual": "잔차 연결", "Keys, values": "키, 값",
    "Activation / pooling": "활성화 · 풀링", "Unrecognised operators": "미인식 연산", "Recurrent": "순환", "Expert": "전문가",
    # subtitle
    "Decoder-only transformer": "디코더 전용 트랜스포머", "Encoder-only transformer": "인코더 전용 트랜스포머",
    "Encoder–decoder transformer": "인코더–디코더 트랜스포머", "Convolutional network": "합성곱 신경망",
    "Recurrent network": "순환 신경망", "Embedding model": "임베딩 모델", "{n} towers": "타워 {n}개", "Neural network": "신경망",
    "Sparse mixture-of-experts decoder": "희소 전문가 혼합 디코더", "Selective state-space model": "선택적 상태 공간 모델",
    "Hybrid decoder": "하이브리드 디코더", "Hierarchical vision transformer": "계층적 비전 트랜스포머",
    "attention-free": "어텐션 없음", "pre-norm": "사전 정규화", "post-norm": "사후 정규화", "sandwich norm": "샌드위치 정규화",
    "parallel branches": "병렬 분기", "learned positions": "학습된 위치 임베딩", "sinusoidal positions": "사인 위치 인코딩",
    "rotary positions": "회전 위치 인코딩", "relative position bias": "상대 위치 편향", "ALiBi positions": "ALiBi 위치",
    "top-{k} of {n} experts per token": "토큰마다 전문가 {n}개 중 {k}개", "patches of {n}": "{n} 패치",
    "sliding-window and full attention": "슬라이딩 윈도와 전체 어텐션", "windows of {n}": "{n} 윈도", "shifted": "이동",
    # changes
    "Coloured = changed, grey = unchanged.": "색은 바뀐 것, 회색은 그대로인 것.", "none": "없음",
    # notes
    "Operators": "연산자",
}  # fmt: skip
"""English to Korean."""

LANGUAGES = ("en", "ko")


class Words:
    """A vocabulary in one language: called with the English text, it gives the text to show."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def __call__(self, english: str, **values: object) -> str:
        """The text in the figure's language; a word that the table does not have stays English."""
        text = KOREAN.get(english, english) if self.lang == "ko" else english
        for key, value in values.items():
            text = text.replace("{" + key + "}", str(value))
        return text
