# The worker, for CPU and GPU: torch from the package registry includes CUDA, the host needs only the driver.
FROM python:3.11.14-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    HOME=/tmp \
    OMP_WAIT_POLICY=PASSIVE \
    GAZEGRID_HOME=/data

RUN groupadd --gid 10001 gazegrid \
    && useradd --uid 10001 --gid gazegrid --home-dir /tmp --no-create-home --shell /usr/sbin/nologin gazegrid \
    && install -d -o gazegrid -g gazegrid -m 0755 /data /data/store /data/cache /data/networks /run/gazegrid

WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN mkdir core workers dashboard \
    && pip install --no-cache-dir --constraint constraints.txt --editable '.[worker,lite]'
COPY . .

USER 10001:10001
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "docker/health.py", "worker"]
CMD ["python", "-m", "workers.worker.parent"]
