"""NeuralHydrology's LSTM on the arrays of benchmarks/learn.py; run by a Python that has it.

Its own model and loss classes on tensors made beforehand: its reading of files and its data
loader, which cost extra, are left out. Prints one line of JSON.
"""

import json
import sys
import time

import numpy as np
import torch
from neuralhydrology.modelzoo.cudalstm import CudaLSTM
from neuralhydrology.training.loss import MaskedMSELoss
from neuralhydrology.utils.config import Config

FEATURES = [f"x{i}" for i in range(5)]


def network(hidden: int, length: int, last: int) -> tuple[CudaLSTM, MaskedMSELoss]:
    config = Config(
        {
            "model": "cudalstm",
            "head": "regression",
            "loss": "MSE",
            "hidden_size": hidden,
            "initial_forget_bias": 3,
            "output_dropout": 0.0,
            "dynamic_inputs": FEATURES,
            "target_variables": ["theta"],
            "seq_length": length,
            "predict_last_n": last,
        }
    )
    return CudaLSTM(config), MaskedMSELoss(config)


def dictionary(x: torch.Tensor) -> dict:
    return {"x_d": {name: x[..., i : i + 1] for i, name in enumerate(FEATURES)}}


def score(model: CudaLSTM, x: torch.Tensor, y: torch.Tensor, last: int) -> float:
    """Return the RMSE of the last steps of validation windows, standardized."""
    model.eval()
    with torch.no_grad():
        parts = [model(dictionary(part))["y_hat"][:, -last:] for part in x.split(64)]
    model.train()
    return float(torch.sqrt(torch.mean((torch.cat(parts) - y[:, -last:]) ** 2)))


def main() -> None:
    """Train as told by a JSON argument on the arrays of a file."""
    job = json.loads(sys.argv[2])
    torch.set_num_threads(job["threads"])
    torch.manual_seed(job["seed"])
    data = np.load(sys.argv[1])
    x, y = torch.from_numpy(data["x"]), torch.from_numpy(data["y"])
    valid_x, valid_y = torch.from_numpy(data["valid_x"]), torch.from_numpy(data["valid_y"])
    length, last, batch = job["length"], job["last"], job["batch"]
    model, loss = network(job["hidden"], length, last)
    optimizer = torch.optim.Adam(model.parameters(), lr=job["rate"])
    starts = range(0, x.shape[1] - length + 1, last)
    places = np.asarray([(s, t) for s in range(len(x)) for t in starts])
    order = np.random.default_rng(job["seed"])
    seconds, targets, curve = 0.0, 0, []
    while seconds < job["budget_s"]:
        begin = time.process_time()
        picked = places[order.choice(len(places), batch, replace=False)]
        bx = torch.stack([x[s, t : t + length] for s, t in picked])
        by = torch.stack([y[s, t : t + length] for s, t in picked])
        optimizer.zero_grad()
        predicted = model(dictionary(bx))
        value, _ = loss(predicted, {"y": by})
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        seconds += time.process_time() - begin
        targets += batch * last
        if not curve or seconds > 1.15 * curve[-1][0] + 0.5:
            curve.append([seconds, targets, score(model, valid_x, valid_y, job["scored"])])
    curve.append([seconds, targets, score(model, valid_x, valid_y, job["scored"])])
    print(json.dumps({"seconds": seconds, "targets": targets, "curve": curve}))


if __name__ == "__main__":
    main()
