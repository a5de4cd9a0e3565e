#!/usr/bin/env bash
# A NIfTI segmentation that is saved with its scan's header comes back with labels like 1.99997.
#
# Common guess: labels 0 to 7, given as float32 and saved with the int16 header of the scan, come back as 0 to 7.
# Seen (nibabel 5.4.2, SimpleITK 2.5.7): a header of whole numbers makes nibabel stretch the values over all of int16,
#   with a factor in the file. Label 2 comes back as 1.99997, and `astype(np.uint8)` makes it 1. Half of
#   the voxels move to the class below as nibabel reads them, and 38 % as SimpleITK does. Labels that are whole numbers
#   in memory are exact.
# So: give nibabel whole numbers, `labels.astype(np.uint8)`, and a new header. For files of others, round.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q nibabel==5.4.2 SimpleITK==2.5.7 numpy==2.4.6
cd "$work"
venv/bin/python - << 'PY'
import nibabel
import numpy as np
import SimpleITK

scan = nibabel.Nifti1Image(np.zeros((16, 16, 16), np.int16), np.eye(4))
labels = np.arange(16**3).reshape(16, 16, 16) % 8


def read(labels):
    nibabel.save(nibabel.Nifti1Image(labels, scan.affine, scan.header), "labels.nii.gz")
    by_itk = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("labels.nii.gz")).transpose(2, 1, 0)
    return {"nibabel": nibabel.load("labels.nii.gz").get_fdata(), "SimpleITK": by_itk}


for name, found in read(labels.astype(np.float32)).items():
    wrong = (found.astype(np.uint8) != labels).mean()
    print(f"{name}: {np.unique(found).round(6).tolist()}; as whole numbers {wrong:.0%} are wrong")
    assert wrong > 0.2
    assert np.array_equal(found.round(), labels)
for found in read(labels.astype(np.uint8)).values():
    assert np.array_equal(found, labels)
PY
