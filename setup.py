"""RayPose's package metadata; the tools' settings are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
version = re.search(r'__version__ = "(.+)"', (here / "raypose/__init__.py").read_text())

export = ["onnx>=1.17", "onnxscript>=0.3", "onnxruntime>=1.20"]

setup(
    name="raypose",
    version=version[1] if version else "0",
    description="Hyperparameter and architecture search for top-down 2D pose models, on Ray Tune and Optuna",
    long_description=(here / "README.md").read_text() if (here / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["raypose", "raypose.*"]),
    package_data={"raypose": ["py.typed", "data/dataset_infos/*.yaml", "reporting/report/page/*"]},
    install_requires=[
        "torch>=2.5",
        "torchvision>=0.20",
        "timm>=1.0.15",
        "safetensors>=0.4.3",
        "huggingface_hub>=0.23",
        "ray[tune,default]>=2.49",
        "grpcio>=1.42",
        "optuna>=5.0",
        "greenlet>=3.0",  # GPSampler takes nearly twice the time without it, and says so
        "numpy>=1.26",
        "pyyaml>=6.0",
        "tensorboard>=2.19",
        "pillow>=9.5",
        "opencv-python-headless>=4.11",
        "pydantic>=2.8",
        "pydantic-core>=2.20",
        "scipy>=1.11",
        "click>=8.1",
        "rich>=13.7",
        "pandas>=2.0",
        "jinja2>=3.1",
        "markupsafe>=2.1",
        "vl-convert-python>=1.7",  # draws the report's figures, and has the library that draws them in a browser
    ],
    extras_require={
        "export": export,
        "test": [
            *export,
            "optuna-dashboard>=0.18",
            "playwright>=1.50",  # drives the Chromium that is installed; its own is not downloaded
            "pytest>=8.0",
            "pytest-xdist>=3.6",
            "pycocotools>=2.0.8",
            "faster-coco-eval>=1.6.5",
            "cmaes>=0.11",
            "jsonschema>=4.20",
            "ruff>=0.9",
            "mypy>=1.13",
            "types-PyYAML",
        ],
    },
    entry_points={"console_scripts": ["raypose = raypose.cli:main"]},
)
