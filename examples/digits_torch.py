# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy", "scikit-learn", "torch>=2.6"]
# ///
"""Train a small PyTorch network on scikit-learn's handwritten digits, on the CPU or a GPU.

Each epoch saves a checkpoint; a resumed run goes on from the newest:

    runctl train examples/digits_torch.py
    runctl train examples/digits_torch.py --python python3     # with the PyTorch that it has

The first way downloads PyTorch once; on Linux that is the build for NVIDIA GPUs, several GB.
"""

import argparse
import os
import time
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

BATCH = 32


def save(folder, epoch, steps, model, optimizer):
    """Write the checkpoint beside its place first, so that it is never there in part."""
    path = folder / f"epoch-{epoch:04d}-step-{steps}.pt"
    partial = path.with_suffix(".tmp")
    state = {"epoch": epoch, "steps": steps, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, partial)
    partial.replace(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds to wait after each epoch")
    options = parser.parse_args()

    folder = Path(os.environ.get("RUNCTL_CHECKPOINT_DIR", "checkpoints"))
    folder.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    digits = load_digits()
    images = torch.tensor(digits.data / 16, dtype=torch.float32, device=device)
    labels = torch.tensor(digits.target, device=device)
    train, test = train_test_split(torch.arange(len(labels)), test_size=0.25, random_state=0)

    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    epoch, steps = 0, 0
    if resume_from := os.environ.get("RUNCTL_RESUME_FROM"):
        saved = torch.load(resume_from, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        epoch, steps = saved["epoch"], saved["steps"]
        print(f"resumed at epoch {epoch}, step {steps}")

    def accuracy():
        with torch.no_grad():
            return (model(images[test]).argmax(1) == labels[test]).float().mean().item()

    while epoch < options.epochs:
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(epoch))
        for batch in order.split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[train[batch]]), labels[train[batch]]).backward()
            optimizer.step()
            steps += 1
        epoch += 1
        save(folder, epoch, steps, model, optimizer)
        print(f"epoch {epoch:3d}  step {steps:5d}  accuracy {accuracy():.4f}")
        time.sleep(options.pause)

    print(f"done: {steps} steps, test accuracy {accuracy():.4f}")


if __name__ == "__main__":
    main()
