#!/usr/bin/env bash
# All of the training in one go, for a GPU. Side by side: the face encoder, the image tokenizer's
# decoder on what painted pictures show, and the transformer at painting; then the transformer on
# what the encoder sees now, of faces that this has not seen: those it has, it reads too well.
# Photographs are read as before. Every step resumes, so a course that was cut is called again.
#
#     unif2ace/train/course.sh FACES UNSEEN PHOTOS START OUT SECONDS WORKERS
#
# FACES, UNSEEN: rendered faces, packed or not, five of those to one of these. PHOTOS: folder of
# portraits. START: folders tokenizer, encoder and transformer to go on from (`train
# unpack` makes the first two, of the checkpoint that is the third). SECONDS: of training in all.
# Writes OUT/whole, the checkpoint in full precision, for `train export`.
set -euo pipefail
faces=$1 unseen=$2 photos=$3 start=$4 out=$5 seconds=$6 workers=$7
mkdir -p "$out"
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT # one that fails ends the others

train() { python -m unif2ace.train "$@"; }

# A compiled step is a tenth of the commands. torch 2.11 fails an assertion in this analysis.
export TORCHINDUCTOR_COALESCE_TILING_ANALYSIS=0
learn() { # CHECKPOINT FEATURES OUT SHARE, and what else there is to say
    train transformer --checkpoint "$1" --features "$2" --out "$3" \
        --seconds $((seconds * $4 / 100)) --copies 4 --questions-per-face 12 --exploration 0 \
        --held-out-questions tests/data/{visitor,development}_questions.jsonl \
        --workers $((workers / 2)) --compile "${@:5}"
}

train encoder --faces "$faces" --keep-photographs --start "$start/encoder" \
    --tokenizer "$start/tokenizer" --out "$out/encoder" --batch-size 256 --learning-rate 1e-3 \
    --seconds $((seconds * 50 / 100)) --workers $((workers / 3)) &
encoder=$!
train features --checkpoint "$start/transformer" --faces "$unseen" --out "$out/features-before" \
    --workers "$workers"
{
    train means --checkpoint "$start/transformer" --features "$out/features-before" \
        --out "$out/means.npz" --count 8000
    train tokenizer --faces "$unseen" --photos "$photos" --start "$start/tokenizer" --keep-codes \
        --told --means "$out/means.npz" --reader "$start/encoder" --out "$out/tokenizer" \
        --batch-size 64 --learning-rate 4e-4 --seconds $((seconds * 80 / 100)) \
        --workers $((workers / 4))
} &
tokenizer=$!
learn "$start/transformer" "$out/features-before" "$out/painting" 45 \
    --batch-size 128 --understanding-batch-size 16 --reading-weight 2 --learning-rate 1.2e-3
wait "$encoder"

train assemble --text "$start/transformer" --tokenizer "$start" --encoder "$out/encoder" \
    --transformer "$out/painting/model" --out "$out/start"
train features --checkpoint "$out/start" --faces "$unseen" --out "$out/features" \
    --workers "$workers"
learn "$out/start" "$out/features" "$out/reading" 40 \
    --batch-size 96 --understanding-batch-size 64 --reading-weight 8 --learning-rate 1e-3
wait "$tokenizer"
train assemble --text "$start/transformer" --tokenizer "$out/tokenizer" \
    --encoder "$out/encoder" --transformer "$out/reading/model" --out "$out/whole"
