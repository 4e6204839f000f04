"""The family of each of timm's architectures, by what mixes information between positions of the picture.

cnn: convolution or pooling alone. vit: attention between tokens (also in windows, also over channels). mixer: layers of
perceptrons or recurrent cells over tokens. hybrid: stages of convolution and stages of attention in one network.
"""

from __future__ import annotations

from core.networks.card import Family

_MODULES: dict[Family, str] = {
    "cnn": """
        byobnet convmixer convnext cspnet cspnext densenet dla dpn efficientnet fasternet focalnet ghostnet hardcorenas
        hgnet hrnet inception_next inception_resnet_v2 inception_v3 inception_v4 lcnetv2 mambaout metaformer mobilenetv3
        nasnet nfnet pnasnet rdnet regnet repghost repvit res2net resnest resnet resnetv2 rexnet selecsls senet sknet
        starnet tresnet vgg vovnet xception xception_aligned
    """,
    "vit": """
        beit cait convit crossvit davit deepseek_vit deit eva gemma4_vit hiera hieradet_sam2 mvitv2 naflexvit nest pit
        pvt_v2 qwen3_vit swin_transformer swin_transformer_v2 swin_transformer_v2_cr tnt twins vision_transformer
        vision_transformer_relpos vision_transformer_sam volo xcit
    """,
    "mixer": "mlp_mixer sequencer",
    "hybrid": """
        byoanet coat cpubone csatv2 edgenext efficientformer efficientformer_v2 efficientvim efficientvit_mit
        efficientvit_msra fastvit gcvit iformer levit lowformer maxxvit mobilenetv5 mobilevit nextvit shvit swiftformer
        tiny_vit visformer vision_transformer_hybrid vitamin
    """,
}
_BY_MODULE: dict[str, Family] = {module: family for family, text in _MODULES.items() for module in text.split()}

_BY_PREFIX: dict[str, Family] = {
    "bat_resnext": "hybrid",
    "caformer": "hybrid",
    "fastvit_s12": "cnn",
    "fastvit_t": "cnn",
    "mobilenetv4_hybrid": "hybrid",
}
"""Prefix of an architecture's name -> family, where it differs from most of its module."""

OWN: dict[str, Family] = {"concentrator": "cnn", "open_mixer": "mixer"}
"""Families of Gazegrid's own architectures, see `core.networks.architectures`."""


def family_of(architecture: str, module: str) -> Family:
    """Family of an architecture that timm defines in `module`. Raises KeyError for an unknown module."""
    for prefix, family in _BY_PREFIX.items():
        if architecture.startswith(prefix):
            return family
    return _BY_MODULE[module]
