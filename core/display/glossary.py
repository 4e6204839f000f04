"""The terms that pages and docs use, in one plain sentence each; help texts on the pages quote them.

from core.display.glossary import GLOSSARY, help_text
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

PRODUCT_TERMS: Final[Mapping[str, str]] = {
    "picture": "An input of a comparison: a sample photo, an upload, or an image of an earlier result.",
    "image": "An item of a result, such as a stylized picture; the members of a data set are called images, too.",
    "video": "A file with moving pictures: uploaded as MP4, MOV, WebM, Matroska or GIF, stylized as MP4 or GIF.",
    "animation": "An item of a result with several frames, such as the progress of an optimization.",
    "comparison": "A grid of results with its own link: pictures, networks and methods, or data sets and variants.",
    "grid": "The table of a comparison: one row per picture or data set, one column per network or variant.",
    "row": "One picture of a comparison (or one data set) with the results of all columns.",
    "column": "One network of a comparison, or one variant of a trained method.",
    "cell": "One result of a grid: one method on one picture and one network, or on one data set.",
    "variant": "A method with one particular combination of parameter values.",
    "item": "One part of a result: an image, map, curve, number, table, animation, embedding or set of weights.",
    "map": "A number for each pixel, drawn with a color scale.",
    "gallery": "A named collection of comparisons with notes; its results are not evicted from the store.",
    "store": "The folder that holds all pictures, data sets and results, each under a hash of its content.",
    "key": "The SHA-256 hash of everything that determines a result: method, parameters, inputs, network and seed.",
    "seed": "The number that all random numbers of a job are derived from: the same seed gives the same result.",
    "method": "A computation with parameters that a cell runs, such as Grad-CAM or style transfer.",
    "preset": "A question with a method and parameter values that answer it.",
    "queue": "The list of jobs that workers take in order, kept in Redis.",
    "worker": "A process that takes jobs from the queue and computes their results.",
    "bundled network": "One of the four small networks whose weights are part of Gazegrid.",
}
"""Terms of Gazegrid itself, too common on the pages to be explained at each place."""

FIELD_TERMS: Final[Mapping[str, str]] = {
    # networks
    "architecture": "The layout of a network's layers, named as in timm; it says nothing about the weights.",
    "CNN": "Convolutional network: each layer combines neighboring places with the same filters everywhere.",
    "ViT": "Vision transformer: the picture is cut into patches, and attention lets all of them interact.",
    "Mixer": "MLP-Mixer: the picture is cut into patches, and dense layers mix patches and channels in turn.",
    "Hybrid": "A network that combines convolutions with attention.",
    "concentrator": "The bundled CNN that takes a soft maximum over places, not their mean: one place can decide.",
    "layer depth": "The percentage of a network's blocks up to the end of a layer; comparable across networks.",
    "depth": "The percentage of a network's blocks up to the end of a layer; comparable across networks.",
    "channel": "One feature of a layer, computed with the same weights at every place.",
    "neuron": "One channel of a layer at one place.",
    "unit": "A part of a layer that can be maximized or explained: a channel, a neuron or a logit.",
    "activation": "The output of a unit for a picture.",
    "token": "One patch of the picture, as a vector, inside a ViT or Mixer.",
    "logit": "The output of the classifier for a class before the softmax.",
    "random weights": "Weights as they are before training: a control for what the architecture alone explains.",
    # predictions
    "top-1": "The share of images whose most probable class is the true class.",
    "top-5": "The share of images whose true class is among the five most probable ones.",
    "validation accuracy": "The accuracy (top-1) on images that were not used for training.",
    "validation loss": "The loss on images that were not used for training.",
    "validation images": "Images that are not used for training and measure what was learned.",
    "target": "What is explained or optimized: a class, a channel or a neuron.",
    "target score": "The output that is explained: the logit of the class, or the activation of the unit.",
    "contrast class": "A second class whose logit is subtracted: only evidence for the one over the other is left.",
    "runner-up": "The class with the second highest probability.",
    "judge": "A network that evaluates the images that another network produced.",
    # attribution
    "attribution": "A map that assigns each pixel its contribution to a prediction.",
    "saliency": "The magnitude of the gradient of a score with respect to each pixel.",
    "Grad-CAM": "A map from the channels of a late layer, weighted by the gradient of the score.",
    "CAM": "Class activation map: the linear classifier, applied at each place of the last feature map.",
    "attention rollout": "The attention matrices of all blocks, multiplied, with skip connections included.",
    "integrated gradients": "The mean gradient on the path from a baseline to the picture, times their difference.",
    "head fusion": "How the attention heads of a block are combined: by mean or maximum.",
    "completeness": "The property that a map sums to the difference between the scores of picture and baseline.",
    "window": "The square that occlusion covers at one place.",
    "stride": "The distance from one window to the next.",
    "occlusion": "The drop of a score while a window covers one place after another.",
    "guided backprop": "Backpropagation that passes only positive signals through active ReLUs.",
    "deconvnet": "Backpropagation that passes only positive signals through ReLUs, active or not.",
    "fixations": "Pixels found by following a prediction back to the inputs that contributed the most.",
    "unravelling": "The places of fixations in the layers between the prediction and the pixels.",
    "light": "The mode of fixations that follows one input per point and weights points by how many paths meet.",
    "beam": "The mode of fixations that follows two inputs per point, weighted by their contributions.",
    "isolated": "Fixations with little other weight within 10 % of the diagonal; they are left out by default.",
    "baseline": "The reference input without information: black, mid-gray, or the picture blurred.",
    "baseline maps": "Maps that do not use the network, such as a centered box: the level that a method must exceed.",
    "insertion": "The area under the probability curve while the top pixels of a map are revealed; higher is better.",
    "deletion": "The area under the probability curve while the top pixels of a map are removed; lower is better.",
    "prediction retained": "The share of pictures that keep their prediction with only the top pixels of a map shown.",
    "energy-based pointing game": "The share of a map's positive weight inside the object's bounding box.",
    "pointing game": "The share of pictures whose map has its maximum inside the object's bounding box.",
    "MaxBoxAccV2": "The share of maps whose bounding box overlaps the object's box enough, at the best threshold, "
    "averaged over overlaps of 0.3, 0.5 and 0.7.",
    "collage": "Two pictures of different classes side by side; the map for one class should lie on its half.",
    "sanity check": "Parameter randomization: a map that stays alike with random weights does not explain the network.",
    "parameter randomization": "Random weights in place of the learned ones, from the last part of the network on.",
    "rank correlation": "The correlation of the order of two maps' pixels, from -1 to 1.",
    # detail search
    "k1": "The weight of the class loss Lc in the detail search, k1 Lc + k2 Ld; higher keeps the prediction.",
    "k2": "The weight of the detail loss Ld in the detail search, k1 Lc + k2 Ld; higher removes more detail.",
    "detail": "Structure of a picture, measured as edge energy; the detail search removes what is not needed.",
    "class loss": "How far the prediction is from its target in the detail search.",
    "detail loss": "The edge energy of the picture in the detail search.",
    "edge energy": "The mean squared (or absolute) response of Sobel filters, which respond to edges.",
    "edges left": "The edge energy of the remaining picture, as a share of the original's.",
    "feature size": "The mean extent of connected edges after the detail search, as a share of the picture's width.",
    "size spread": "The octaves between the sizes below which one and three quarters of the edge energy lie.",
    "wavelength": "The mean wavelength in the radial spectrum of the remaining edges, as a share of the width.",
    "border weight": "The share of remaining edges in the outer half of the area, divided by the original's share.",
    "patch-shuffled": "Cut into a grid of patches that are put together in random order.",
    "radial profile": "The remaining edges in rings from the center to the border, relative to the original.",
    "patch shuffle": "The picture cut into patches in random order: local detail stays, overall shape is lost.",
    "confidence interval": "Over other pictures of the same kind, 95 of 100 such intervals hold the true value.",
    # optimization
    "parameterization": "What the optimizer changes: pixels, or Fourier coefficients, which treat all sizes alike.",
    "octave": "A doubling of size: the picture is optimized at one size after another, from coarse to fine.",
    "jitter": "A small random shift before each step, which suppresses noise on single pixels.",
    "total variation": "The sum of differences between neighboring pixels; its penalty makes an image smoother.",
    "alpha norm": "A penalty on extreme pixel values.",
    "mid-gray": "The middle of the value range in all three colors.",
    "learning rate": "The size of an optimization step.",
    "momentum": "The share of the previous step that is added to the next one.",
    "L-BFGS": "A quasi-Newton optimizer that estimates curvature from the last steps.",
    "trace": "The course of a value over the steps of an optimization.",
    "penalty": "A cost that is added to the loss, such as for large values.",
    "schedule": "How the learning rate changes over the steps.",
    "log odds": "The logarithm of p / (1 - p) for a probability p.",
    "epsilon": "The largest change that a single value may undergo.",
    # style
    "content distance": "The difference in deep features between a stylized picture and its content image.",
    "style distance": "The difference in Gram matrices between a stylized picture and the style; 1 is the original.",
    "Gram matrix": "The correlations between the channels of a layer over all places: a description of style.",
    "style scale": "The size of the style image relative to the content image; smaller gives finer strokes.",
    "activation smoothing": "A softmax over activations before they are compared, which tempers a few dominant ones.",
    "SSIM": "Structural similarity of two pictures' brightness, at most 1 for equal ones.",
    "edges kept": "The agreement of edges in place and direction with the original: 1 is equal, 0.1 is chance.",
    "flicker": "The change between frames at places where the original video does not change.",
    "warping error": "The change between frames along the motion of the original video.",
    "content weight": "The weight of the content distance in the loss; higher keeps more of the picture.",
    "style weight": "The weight of the style distance in the loss; higher changes more of the picture.",
    "smoothness": "A penalty on slopes in the grid of color transforms; higher is more even.",
    "temporal weight": "The share of the previous stylized frame, moved along with the video, in the next one.",
    "luminance": "The brightness of a pixel, without its color.",
    # trained methods
    "autoencoder": "A network that compresses a picture to a code and reconstructs it.",
    "code": "The vector that an encoder computes for a picture.",
    "latent": "The random vector that a generator draws a picture from.",
    "reconstruction": "The picture that a decoder computes from a code.",
    "embedding": "Codes as points in the plane.",
    "PCA": "Principal component analysis: the best linear code of a given size.",
    "PCA angle": "The largest angle between the subspace of the decoder and the one of PCA.",
    "t-SNE": "An embedding that keeps neighbors together; distances between groups mean little.",
    "stride energy": "The energy of waves of two pixels, as of checkerboard artifacts, relative to the originals.",
    "code size": "The number of values of a code.",
    "denoising": "An autoencoder that reconstructs clean pictures from noisy ones.",
    "sparse": "An autoencoder whose code has only few values that are not 0.",
    "GAN": "Generative adversarial network: a generator learns to draw pictures that a discriminator takes for real.",
    "discriminator": "The network of a GAN that tells real pictures from generated ones.",
    "generator": "The network of a GAN that draws pictures from latents.",
    "Fréchet distance": "The distance between the feature statistics of generated and real pictures; lower is better.",
    "Fréchet floor": "The Fréchet distance between training and validation images: the best a generator can reach.",
    "diversity": "The mean distance between two samples, relative to real pictures; near 0 all samples are alike.",
    "copying": "The distance of samples to the nearest training image; below 1 they are copies, or blurred.",
    "spectral normalization": "Weights divided by their largest singular value, which stabilizes a discriminator.",
    "latent scale": "The spread of the latents relative to training; lower gives fewer failures and less variety.",
    "batch size": "The number of images per training step.",
    "epoch": "One pass over all training images.",
    "cross-validation": "Training and testing on different parts of the data in turn.",
    "EMA": "Exponential moving average of the weights over the training steps.",
    "weight decay": "A shrinkage of the weights at each step, in proportion to their size.",
    "label smoothing": "A share of each label that is spread over all classes.",
    "RandAugment": "Random augmentations of training images with one common strength.",
    "mixup": "Training on weighted averages of two images and their labels.",
    "CutMix": "Training on images with a rectangle from another image, with mixed labels.",
    "distillation": "Training on the predictions of another network, the teacher, in addition to the labels.",
    "teacher": "A trained network whose predictions another network learns.",
    "warm-up": "The first epochs, in which the learning rate rises.",
    "freeze backbone": "Training of the classifier alone, with all other weights of a pretrained network unchanged.",
    "confusions": "Pairs of true class and predicted class, by how often they occur.",
    "precision": "The number format of a computation, such as 32-bit floats or bf16.",
    "bf16": "A 16-bit number format that is faster on some hardware and less precise.",
}
"""Terms of the field, which help texts explain wherever a label uses them."""

GLOSSARY: Final[Mapping[str, str]] = {**PRODUCT_TERMS, **FIELD_TERMS}
"""Every term -> one sentence."""

MAX_TERMS = 3
"""Terms that one help text explains."""
_SPELLINGS = {term.lower(): term for term in FIELD_TERMS}
_TERMS = re.compile(
    rf"(?<![\w-])({'|'.join(map(re.escape, sorted(_SPELLINGS, key=len, reverse=True)))})s?(?![\w-])", re.IGNORECASE
)


def terms_in(text: str) -> list[str]:
    """The terms of the field that a text uses, each once, in their order; the longest where several match."""
    return list(dict.fromkeys(_SPELLINGS[match[1].lower()] for match in _TERMS.finditer(text)))


def help_text(label: str, caption: str = "") -> str:
    """What a label's help bubble says: its caption, then its terms; empty where there is neither."""
    first = [f"{caption.rstrip('.')}."] if caption else []
    return "\n\n".join([*first, *(f"{_capital(term)}: {FIELD_TERMS[term]}" for term in terms_in(label)[:MAX_TERMS])])


def _capital(term: str) -> str:
    """The term with a capital first letter; `k1` and names that hold capitals stay."""
    return term[:1].upper() + term[1:] if term.islower() and term[-1:].isalpha() else term
