"""Metrics as programs: what is counted over the examples, and what is made of the counts.

Names and meaning are scikit-learn's: precision, recall and F1 are means over the classes that are true or predicted
somewhere ("macro"), 0 where nothing was predicted; R2 is the mean over the targets. The calibration error is the mean
distance between confidence and accuracy over ten bins of confidence (C. Guo et al., ICML 2017, section 2).
"""

from __future__ import annotations

from collections.abc import Mapping

BINS = 10

CLASSES = """
s: input[n, k]
y: label[n] over k
c[n] = argmax[k](s[n,k])
right[n] = where(c[n] == y[n], 1, 0)
count = sum[n](right[n])
accuracy = count/size(n)
confusion_matrix[y[n],c[n]] = 1
hit[k] = confusion_matrix[k,k]
true[k] = sum[j](confusion_matrix[k,j])
said[k] = sum[j](confusion_matrix[j,k])
seen[k] = where(true[k] + said[k] > 0, 1, 0)
precision = sum[k](where(said[k] > 0, hit[k]/said[k], 0))/sum[k](seen[k])
recall = sum[k](where(true[k] > 0, hit[k]/true[k], 0))/sum[k](seen[k])
f1 = sum[k](where(seen[k] > 0, 2*hit[k]/(true[k] + said[k]), 0))/sum[k](seen[k])
sure[n] = clip(max[k](s[n,k]), 0, 1)
bin[n] = minimum(floor(10*sure[n]), 9)
gap[b] = sum[n](where(bin[n] == b, right[n] - sure[n], 0))
calibration_error = sum[b](abs(gap[b]))/size(n)
outputs: accuracy, precision, recall, f1, calibration_error, confusion_matrix
"""
VALUES = """
t, p: input[n, d]
m[d] = mean[n](t[n,d])
total[d] = sum[n]((t[n,d] - m[d])**2)
rest[d] = sum[n]((t[n,d] - p[n,d])**2)
r2 = mean[d](where(total[d] > 0, 1 - rest[d]/total[d], where(rest[d] > 0, 0, 1)))
mean_squared_error = mean[n,d]((t[n,d] - p[n,d])**2)
mean_absolute_error = mean[n,d](abs(t[n,d] - p[n,d]))
outputs: r2, mean_squared_error, mean_absolute_error
"""
SIZES: Mapping[str, dict[str, int]] = {CLASSES: {"b": BINS}, VALUES: {}}

OF_CLASSES = ("accuracy", "precision", "recall", "f1", "calibration_error", "confusion_matrix")
OF_VALUES = ("r2", "mean_squared_error", "mean_absolute_error")
NAMES = tuple(n for n in (*OF_CLASSES, *OF_VALUES) if n != "confusion_matrix")  # those that are numbers
LARGER_IS_BETTER = {"accuracy", "precision", "recall", "f1", "r2"}
