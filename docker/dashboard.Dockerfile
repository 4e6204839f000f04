# The dashboard and the other services without torch: reaper, welcome comparison, Redis password.
FROM python:3.11.14-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    HOME=/tmp \
    GAZEGRID_HOME=/data

RUN groupadd --gid 10001 gazegrid \
    && useradd --uid 10001 --gid gazegrid --home-dir /tmp --no-create-home --shell /usr/sbin/nologin gazegrid \
    && install -d -o gazegrid -g gazegrid -m 0755 /data /data/store /data/cache /data/networks /run/gazegrid

WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN mkdir core workers dashboard \
    && pip install --no-cache-dir --constraint constraints.txt --editable .
COPY . .

USER 10001:10001
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "docker/health.py", "dashboard"]
CMD ["python", "-m", "streamlit", "run", "dashboard/app.py", "--server.address", "0.0.0.0", "--server.port", "8501"]
