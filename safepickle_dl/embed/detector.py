"""The scripted part around the core: slices to tensors, the net, scores, findings. Read by `module.source`."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple  # noqa: UP035

import torch
from torch import Tensor, nn

from safepickle_dl.core.slices import Slices
from safepickle_dl.embed.nested import Region


class Detector(nn.Module):
    """`forward`: all pickles of one region to a verdict. Thresholds are attributes."""

    malicious: float
    suspicious: float
    weights: List[float]  # noqa: UP006
    slopes: List[float]  # noqa: UP006
    intercepts: List[float]  # noqa: UP006
    intercept: float
    knots: Tensor
    levels: Tensor
    max_tokens: int
    max_values: int
    max_findings: int
    batch_tokens: int

    def __init__(
        self,
        sequence: nn.Module,
        handcrafted: Optional[nn.Module],  # noqa: UP045
        anomaly: Optional[nn.Module],  # noqa: UP045
        members: List[Tuple[float, float, float]],  # noqa: UP006
        percentiles: Tuple[Tensor, Tensor],  # noqa: UP006
        intercept: float,
        malicious: float,
        suspicious: float,
        version: str,
        metadata: str,
    ) -> None:
        """Take the members, of which only the first must be there, and how they count.

        Args:
            sequence: padded tokens to logits.
            handcrafted: packed tokens to logits.
            anomaly: padded tokens to nats.
            members: weight, slope and intercept of each of the three; zeros for one that is not there.
            percentiles: knots (q,) in nats, rising, and the share of honest files below each (q,).
            intercept: of the ensemble.
            malicious: probability.
            suspicious: probability.
            version: name and version of the bundle.
            metadata: JSON.
        """
        super().__init__()
        self.sequence = sequence
        self.handcrafted = handcrafted
        self.anomaly = anomaly
        self.weights = [member[0] for member in members]
        self.slopes = [member[1] for member in members]
        self.intercepts = [member[2] for member in members]
        self.register_buffer("knots", percentiles[0])
        self.register_buffer("levels", percentiles[1])
        self.intercept = intercept
        self.malicious = malicious
        self.suspicious = suspicious
        self.max_tokens = 8_000_000
        self.max_values = 16_000_000
        self.max_findings = 100
        self.batch_tokens = 8192
        self.model_version = version
        self.model_metadata = metadata

    @torch.jit.export
    def version(self) -> str:
        """Return the name and version of the model bundle."""
        return self.model_version

    @torch.jit.export
    def metadata(self) -> str:
        """Return the versions of package, model and tokenizer as JSON."""
        return self.model_metadata

    def forward(self, data: Tensor) -> Dict[str, Tensor]:  # noqa: UP006
        """Read a region and score it.

        Args:
            data: (n,) uint8, a raw file or one member of an archive.

        Returns:
            Scalars: `score` (probability), one for each member (`sequence`, `handcrafted`, `anomaly`, if they are
            there), `verdict` (0 benign, 1 suspicious, 2 malicious, 3 error, 4 skipped), `streams` (count), `complete`,
            `packed` (count of containers and compressed data, which stay closed).
            For each finding, best first, (f,): `finding_score`, `finding_offset` (bytes), `finding_opcode`.
        """
        content: List[int] = data.to(torch.int64).cpu().tolist()  # noqa: UP006
        region = Region(content)  # type: ignore[arg-type]  # here every buffer is a list
        region.read_all()
        salt = int(torch.randint(0, 1 << 48, (1,)).item())
        slices = Slices(self.max_tokens, salt)
        for i in range(len(region.machines)):
            slices.add_machine(region.machines[i], i)
        complete = region.complete and not slices.cut_short
        logits = self.slice_logits(slices, data.device)  # (k, members)
        results: Dict[str, Tensor] = {"sequence": self.member_score(logits, 0)}  # noqa: UP006
        if self.handcrafted is not None:
            results["handcrafted"] = self.member_score(logits, 1)
        if self.anomaly is not None:
            results["anomaly"] = self.percentile(logits[:, 2])
        weights = torch.tensor(self.weights, dtype=torch.float64)
        scores = torch.sigmoid((logits * weights).sum(1) + self.intercept)  # (k,)
        scores[torch.isinf(logits[:, 0])] = 0.0
        score = scores.max() if scores.numel() > 0 else torch.zeros((), dtype=torch.float64)
        bombs: List[int] = []  # noqa: UP006
        n_values = 0
        for i in range(len(region.machines)):
            if region.machines[i].shares():
                n_values += region.machines[i].nodes.count
                if n_values > self.max_values:
                    complete = False
                    break
            if region.machines[i].is_bomb():
                bombs.append(i)
                score = torch.ones((), dtype=torch.float64)
        results["score"] = score
        results["verdict"] = self.verdict(float(score.item()), len(region.machines) > 0, complete)
        results["streams"] = torch.tensor(len(region.machines))
        results["complete"] = torch.tensor(complete)
        results["packed"] = torch.tensor(region.n_packed)
        self.add_findings(results, scores, region, slices, bombs)
        return results

    def member_score(self, logits: Tensor, member: int) -> Tensor:
        """Return the calibrated probability of a member's highest logit, 0 if there is none."""
        if logits.numel() == 0:
            return torch.zeros((), dtype=torch.float64)
        return torch.sigmoid(self.slopes[member] * logits[:, member].max() + self.intercepts[member])

    def percentile(self, novelty: Tensor) -> Tensor:
        """Return the share of honest files that are less new than the newest slice (k,), 0 if there is none."""
        if novelty.numel() == 0 or bool(torch.isinf(novelty.max()).item()):
            return torch.zeros((), dtype=torch.float64)
        raw = novelty.max().clamp(min=float(self.knots[0].item()), max=float(self.knots[-1].item()))
        knots = self.knots.cpu().to(torch.float64)
        levels = self.levels.cpu().to(torch.float64)
        above = torch.searchsorted(knots, raw.view(1)).clamp(min=1, max=len(knots) - 1)[0]
        share = (raw - knots[above - 1]) / (knots[above] - knots[above - 1])
        return levels[above - 1] + share * (levels[above] - levels[above - 1])

    def verdict(self, score: float, has_streams: bool, complete: bool) -> Tensor:
        """Return the verdict as a number."""
        code = 4
        if score >= self.malicious:
            code = 2
        elif score >= self.suspicious:
            code = 1
        elif not complete:
            code = 3
        elif has_streams:
            code = 0
        return torch.tensor(code)

    def slice_logits(self, slices: Slices, device: torch.device) -> Tensor:
        """Return what each member says of each slice, (k, 3); -inf for opcode contexts, 0 where there is no member."""
        tokens = torch.tensor(slices.tokens[: slices.first[slices.count]], dtype=torch.int64)  # (n,)
        first = torch.tensor(slices.first[: slices.count + 1], dtype=torch.int64)  # (k + 1,)
        channel = torch.tensor(slices.channel[: slices.count], dtype=torch.int64)  # (k,)
        grams = torch.tensor(slices.words.grams[: slices.words.n_words * 8], dtype=torch.int64).view(-1, 8)  # (w, 8)
        lengths = first[1:] - first[:-1]
        logits = torch.full((slices.count, 3), -float("inf"), dtype=torch.float64)
        families = torch.zeros(0, dtype=torch.int64)
        if self.handcrafted is not None:
            families = self.handcrafted.word_families(grams.to(device))  # type: ignore[operator]
        chosen = torch.nonzero(channel == 0).view(-1)
        chosen = chosen[torch.argsort(lengths[chosen])]
        done = 0
        while done < len(chosen):
            longest = int(lengths[chosen[min(len(chosen), done + 1) - 1]].item())
            size = 1
            while done + size < len(chosen):
                longest = int(lengths[chosen[done + size]].item())
                if longest * (size + 1) > self.batch_tokens:
                    break
                size += 1
            part = chosen[done : done + size]
            batch = self.padded(tokens, first[part], lengths[part], grams).to(device)
            of_part = torch.zeros(size, 3, dtype=torch.float64)
            of_part[:, 0] = self.sequence(batch).cpu().to(torch.float64)
            if self.handcrafted is not None:
                packed, slice_of = self.ragged(tokens, first[part], lengths[part])
                found = self.handcrafted(packed.to(device), slice_of.to(device), size, families)
                of_part[:, 1] = found.cpu().to(torch.float64)
            if self.anomaly is not None:
                of_part[:, 2] = self.anomaly(batch).cpu().to(torch.float64)
            logits[part] = of_part
            done += size
        return logits

    def ragged(self, tokens: Tensor, first: Tensor, lengths: Tensor) -> Tuple[Tensor, Tensor]:  # noqa: UP006
        """Return the tokens of slices, (n,), and the number of the slice that each is of, (n,)."""
        slice_of = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
        starts = torch.cumsum(lengths, 0) - lengths
        return tokens[torch.arange(len(slice_of)) - starts[slice_of] + first[slice_of]], slice_of

    def padded(self, tokens: Tensor, first: Tensor, lengths: Tensor, grams: Tensor) -> Tensor:
        """Return (b, t, 10) role, id and trigrams of each token, zeros behind short slices (see `batch.pad`)."""
        t = int(lengths.max().item())
        steps = torch.arange(t)
        filled = steps < lengths.unsqueeze(1)  # (b, t)
        index = torch.where(filled, first.unsqueeze(1) + steps, 0)
        packed = torch.where(filled, tokens[index], 0)  # (b, t)
        fields = torch.stack([packed & 255, (packed >> 8) & 65535], -1)
        return torch.cat([fields, grams[packed >> 24]], -1)

    def add_findings(
        self,
        results: Dict[str, Tensor],  # noqa: UP006
        scores: Tensor,
        region: Region,
        slices: Slices,
        bombs: List[int],  # noqa: UP006
    ) -> None:
        """Add one finding for each bomb, and for each call site with a slice that scores at least as suspicious."""
        order = torch.argsort(scores, descending=True)
        found: List[float] = []  # noqa: UP006
        offsets: List[int] = []  # noqa: UP006
        opcodes: List[int] = []  # noqa: UP006
        seen: Dict[int, int] = {}  # noqa: UP006
        for i in bombs[: self.max_findings]:
            found.append(1.0)
            offsets.append(max(0, region.origins[i]))
            opcodes.append(0)
        for i in range(len(order)):
            k = int(order[i].item())
            score = float(scores[k].item())
            if score < self.suspicious or len(found) >= self.max_findings:
                break
            site = slices.site[k]
            key = slices.source[k] << 40 | site
            if key not in seen:
                seen[key] = k
                machine = region.machines[slices.source[k]]
                found.append(score)
                origin = region.origins[slices.source[k]]
                offsets.append(machine.site_at[site] if origin < 0 else origin)
                opcodes.append(machine.site_opcode[site])
        results["finding_score"] = torch.tensor(found, dtype=torch.float64)
        results["finding_offset"] = torch.tensor(offsets, dtype=torch.int64)
        results["finding_opcode"] = torch.tensor(opcodes, dtype=torch.int64)
