"""The kernels for aarch64, proven and counted on another processor under QEMU."""
