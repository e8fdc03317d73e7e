# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy", "scikit-learn"]
# ///
"""Train a small neural network on scikit-learn's handwritten digits, one checkpoint an epoch.

runctl train examples/digits.py
runctl train examples/digits.py -- --epochs 40
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HIDDEN, BATCH, RATE = 64, 32, 0.1


def initial_weights():
    rng = np.random.default_rng(0)
    return {
        "w1": rng.normal(0, 0.1, (64, HIDDEN)),
        "b1": np.zeros(HIDDEN),
        "w2": rng.normal(0, 0.1, (HIDDEN, 10)),
        "b2": np.zeros(10),
    }


def forward(weights, images):
    hidden = np.maximum(0, images @ weights["w1"] + weights["b1"])
    scores = hidden @ weights["w2"] + weights["b2"]
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, odds / odds.sum(axis=1, keepdims=True)


def step(weights, images, labels):
    hidden, guesses = forward(weights, images)
    error = guesses.copy()
    error[np.arange(len(labels)), labels] -= 1
    error /= len(labels)
    back = (error @ weights["w2"].T) * (hidden > 0)
    weights["w2"] -= RATE * hidden.T @ error
    weights["b2"] -= RATE * error.sum(axis=0)
    weights["w1"] -= RATE * images.T @ back
    weights["b1"] -= RATE * back.sum(axis=0)


def accuracy(weights, images, labels):
    return float((forward(weights, images)[1].argmax(axis=1) == labels).mean())


def save(folder, epoch, steps, weights):
    """Write the checkpoint beside its place first, so that it is never there in part."""
    path = folder / f"epoch-{epoch:04d}-step-{steps}.npz"
    partial = path.with_suffix(".tmp")
    with partial.open("wb") as file:
        np.savez(file, epoch=epoch, steps=steps, **weights)
    partial.replace(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds to wait after each epoch")
    options = parser.parse_args()

    folder = Path(os.environ.get("RUNCTL_CHECKPOINT_DIR", "checkpoints"))
    folder.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    train_x, test_x, train_y, test_y = train_test_split(
        digits.data / 16, digits.target, test_size=0.25, random_state=0
    )

    weights, epoch, steps = initial_weights(), 0, 0
    if resume_from := os.environ.get("RUNCTL_RESUME_FROM"):
        saved = np.load(resume_from)
        weights = {name: saved[name] for name in weights}
        epoch, steps = int(saved["epoch"]), int(saved["steps"])
        print(f"resumed at epoch {epoch}, step {steps}")

    while epoch < options.epochs:
        order = np.random.default_rng(epoch).permutation(len(train_x))
        for batch in np.array_split(order, len(order) // BATCH):
            step(weights, train_x[batch], train_y[batch])
            steps += 1
        epoch += 1
        save(folder, epoch, steps, weights)
        print(f"epoch {epoch:3d}  step {steps:5d}  accuracy {accuracy(weights, test_x, test_y):.4f}")
        time.sleep(options.pause)

    print(f"done: {steps} steps, test accuracy {accuracy(weights, test_x, test_y):.4f}")


if __name__ == "__main__":
    main()
