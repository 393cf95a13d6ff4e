"""Write small pictures and sounds, and what transformers makes of them: expected.json beside this file.

Made with: transformers as expected.json says, Pillow, numpy.
Run:       python make.py
"""
import json, wave
from pathlib import Path
import numpy as np
import transformers as hf
from PIL import Image

HERE = Path(__file__).parent
rng = np.random.default_rng(7)


def picture(height, width, channels):
    y, x = np.mgrid[:height, :width]
    waves = [127 + 100 * np.sin(x / (3 + c) + c) * np.cos(y / (4 - c % 3) - c) for c in range(channels)]
    return np.clip(np.stack(waves, -1) + rng.normal(0, 20, (height, width, channels)), 0, 255).astype(np.uint8)


def save():
    """By name: RGB, grey with transparency, indexed, 16 bits, and JPEG."""
    Image.fromarray(picture(23, 31, 3)).save(HERE / "wide.png")
    Image.fromarray(picture(9, 6, 4)).save(HERE / "transparent.png")
    Image.fromarray(picture(12, 10, 3)).quantize(16).save(HERE / "indexed.png")
    Image.fromarray(picture(8, 8, 3)[..., 0]).save(HERE / "grey.png")
    Image.fromarray(picture(16, 24, 3)).save(HERE / "small.jpg", quality=95, subsampling=0)
    Image.new("RGB", (1, 1), (200, 30, 90)).save(HERE / "dot.png")


def values():
    cases = []
    for name, settings in [
        ("wide.png", dict(size=dict(height=12, width=12), resample=2, image_mean=[0.5, 0.5, 0.5], image_std=[0.5, 0.5, 0.5])),
        ("wide.png", dict(size=dict(height=20, width=44), resample=3, image_mean=[0.48, 0.45, 0.40], image_std=[0.26, 0.27, 0.28])),
        ("wide.png", dict(size=dict(height=8, width=9), resample=1, do_normalize=False)),
        ("transparent.png", dict(size=dict(height=4, width=4), resample=3)),
        ("indexed.png", dict(size=dict(height=4, width=8), resample=2)),
        ("grey.png", dict(size=dict(height=8, width=8), resample=2, do_rescale=False, do_normalize=False)),
        ("small.jpg", dict(size=dict(height=16, width=24), resample=2)),
        ("dot.png", dict(size=dict(height=2, width=3), resample=3)),
    ]:
        processor = hf.BlipImageProcessor(**{"image_mean": [0.5] * 3, "image_std": [0.5] * 3, **settings, "do_resize": False})
        image, size = Image.open(HERE / name).convert("RGB"), settings["size"]
        # Rows first, as Pillow did until version 12; 13 goes along columns first where that is less work.
        for to in ((size["width"], image.height), (size["width"], size["height"])):
            image = image.resize(to, settings["resample"])
        found = processor(images=image, return_tensors="np")["pixel_values"][0]
        cases.append(dict(file=name, settings=settings, shape=list(found.shape), values=[round(float(v), 5) for v in found.ravel()]))
    return cases


def cropped():
    """What a processor that crops, or reads one channel, makes: its own steps in float64, and the processor itself within 1e-6."""
    steps, cases = hf.image_transforms, []
    small = dict(size=dict(shortest_edge=9), crop_size=dict(height=8, width=7))
    for name, settings in [
        ("wide.png", dict(image_processor_type="CLIPImageProcessor", size=dict(shortest_edge=13), crop_size=dict(height=12, width=12))),
        ("wide.png", dict(image_processor_type="CLIPImageProcessor", size=14, crop_size=11)),
        ("transparent.png", dict(image_processor_type="BitImageProcessor", size=dict(shortest_edge=5), crop_size=6)),
        ("wide.png", dict(image_processor_type="ChineseCLIPImageProcessor", size=dict(shortest_edge=16), crop_size=dict(height=15, width=20))),
        ("wide.png", dict(image_processor_type="DeiTImageProcessor", size=dict(height=10, width=12), crop_size=7)),
        ("wide.png", dict(image_processor_type="MobileNetV1ImageProcessor", **small)),
        ("wide.png", dict(image_processor_type="PvtImageProcessor", size=6)),
        ("wide.png", dict(image_processor_type="SiglipImageProcessor", size=dict(height=6, width=5))),
        ("wide.png", dict(image_processor_type="ViTImageProcessor", size=dict(shortest_edge=10), do_center_crop=True, crop_size=dict(height=40, width=9))),
        ("wide.png", dict(image_processor_type="CLIPImageProcessor", do_resize=False, crop_size=9)),
        ("wide.png", dict(image_processor_type="CLIPImageProcessor", size=9, do_center_crop=False, do_rescale=False)),
        ("wide.png", dict(image_processor_type="ViTImageProcessor", size=8, rescale_factor=1 / 127.5, image_mean=[1, 1, 1], image_std=[1, 1, 1])),
        ("grey.png", dict(image_processor_type="ViTImageProcessor", size=6, image_mean=[0.1307], image_std=[0.3081])),
        ("wide.png", dict(image_processor_type="ViTImageProcessor", size=dict(shortest_edge=11), do_center_crop=True, crop_size=10, image_mean=0.2, image_std=0.5)),
    ]:
        channels = 1 if isinstance(settings.get("image_mean", [0] * 3), float) or len(settings.get("image_mean", [0] * 3)) == 1 else 3
        processor = getattr(hf, settings["image_processor_type"] + "Pil")(**{key: value for key, value in settings.items() if key != "image_processor_type"})
        image = Image.open(HERE / name).convert("L" if channels == 1 else "RGB")
        own = dict(processor.to_dict())
        size = own["size"]
        if own["do_resize"]:
            edge = size.get("shortest_edge")
            height, width = steps.get_resize_output_image_size(np.zeros((1, image.height, image.width)), edge, default_to_square=False, input_data_format="channels_first") if edge else (size["height"], size["width"])
            for to in ((width, image.height), (width, height)):  # Rows first, as above.
                image = image.resize(to, own["resample"])
        found = np.array(image)
        found = found[None] if found.ndim == 2 else np.moveaxis(found, -1, 0)
        first = dict(input_data_format="channels_first")
        if own.get("do_center_crop"):
            found = steps.center_crop(found, (own["crop_size"]["height"], own["crop_size"]["width"]), **first)
        found = steps.rescale(found, own["rescale_factor"], dtype=np.float64, **first) if own["do_rescale"] else found.astype(np.float64)
        if own["do_normalize"]:
            found = steps.normalize(found, own["image_mean"], own["image_std"], **first)
        assert found.dtype == np.float64
        whole = processor(images=image, do_resize=False, return_tensors="np")["pixel_values"][0]
        assert whole.shape == found.shape and np.abs(whole - found).max() < 1e-6 * max(1, np.abs(found).max()), (name, settings)
        cases.append(dict(file=name, settings=settings, shape=list(found.shape), values=[round(float(v), 7) for v in found.ravel()]))
    return cases


def features():
    """A rising tone with noise, two channels of 16 bits; heard as half a second and as a fifth."""
    time = np.arange(4000) / 16000
    left = 0.5 * np.sin(2 * np.pi * (300 + 4000 * time) * time) + rng.normal(0, 0.02, 4000)
    both = np.stack([left, 0.3 * left], 1)
    whole = np.round(both * 32767).astype("<i2")
    with wave.open(str(HERE / "tone.wav"), "wb") as file:
        file.setnchannels(2), file.setsampwidth(2), file.setframerate(16000)
        file.writeframes(whole.tobytes())
    mono = (whole.astype(np.float32) / 32768).mean(1)
    cases = []
    for bands, frames, own in ((8, 50, {}), (80, 20, {}), (8, 30, dict(sampling_rate=24000))):  # The same samples at another rate.
        extractor = hf.WhisperFeatureExtractor(feature_size=bands, chunk_length=1, **own)
        extractor.n_samples = frames * 160
        found = extractor(mono, sampling_rate=own.get("sampling_rate", 16000), return_tensors="np", padding="max_length", max_length=frames * 160)["input_features"][0]
        cases.append(dict(file="tone.wav", settings=dict(feature_size=bands, **own), shape=list(found.shape), values=[round(float(v), 5) for v in found.ravel()]))
    return cases


if __name__ == "__main__":
    save()
    (HERE / "expected.json").write_text(json.dumps(dict(transformers=hf.__version__, pictures=values(), cropped=cropped(), sounds=features())) + "\n")
