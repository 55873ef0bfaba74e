"""HealthiVert-GAN as published (Zhang 2025, arXiv 2503.05990), the released code's defects
repaired.

cutting     a sagittal slice with its vertebra cut out, and put together again
data        training sets of such slices
losses      what the generator is told
learner     the generator against its three judges; the classifier that says where a fracture is
restoring   a straightened spine with one vertebra made healthy
released    height loss exactly as the released code computes it
svm         grades from height losses
"""
