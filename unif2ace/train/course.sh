#!/usr/bin/env bash
# All of the training in one go, for a GPU: image tokenizer and encoders side by side, then the
# transformer on what they see. Every step resumes, so a course that was cut is called again.
#
#     unif2ace/train/course.sh FACES PHOTOS START OUT SECONDS WORKERS
#
# FACES: rendered faces, packed or not. PHOTOS: folder of portraits with weak labels. START: folders
# tokenizer, encoder and transformer to go on from (`train unpack` makes the first two, and any
# checkpoint is the third). SECONDS: of training in all. Writes OUT/start, the parts put together,
# and OUT/transformer/model, the whole checkpoint in full precision, for `train export`.
set -euo pipefail
faces=$1 photos=$2 start=$3 out=$4 seconds=$5 workers=$6
mkdir -p "$out"
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT # one that fails ends the other

train() { python -m unif2ace.train "$@"; }

train tokenizer --faces "$faces" --photos "$photos" --start "$start/tokenizer" \
    --reader "$start/encoder" --out "$out/tokenizer" --batch-size 64 --learning-rate 5e-4 \
    --seconds $((seconds * 35 / 100)) --workers $((workers / 2)) &
tokenizer=$!
train encoder --faces "$faces" --photos "$photos" --photo-labels assets/data/portraits.jsonl \
    --start "$start/encoder" --tokenizer "$start/tokenizer" --out "$out/encoder" \
    --batch-size 128 --photo-share 0.15 --learning-rate 1e-3 \
    --seconds $((seconds * 34 / 100)) --workers $((workers / 2)) &
wait $!
wait "$tokenizer"

train assemble --text "$start/transformer" --tokenizer "$out/tokenizer" \
    --encoder "$out/encoder" --transformer "$start/transformer" --out "$out/start"
train features --checkpoint "$out/start" --faces "$faces" --out "$out/features" \
    --workers "$workers"
# A compiled step is a tenth of the commands. torch 2.11 fails an assertion in this analysis.
export TORCHINDUCTOR_COALESCE_TILING_ANALYSIS=0
train transformer --checkpoint "$out/start" --features "$out/features" --out "$out/transformer" \
    --batch-size 128 --copies 4 --understanding-batch-size 64 --compile \
    --questions-per-face 12 --exploration 0 \
    --held-out-questions tests/data/{visitor,development}_questions.jsonl \
    --learning-rate 1.2e-3 --seconds $((seconds * 65 / 100)) --workers "$workers"
