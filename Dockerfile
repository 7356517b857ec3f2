# The web page (`emo ui`) or the live server (`emo serve`) in a container; see docs/docker.md.
#   docker build -t emo .
#   docker build -t emo:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126 .
ARG PYTHON=3.12

FROM python:${PYTHON}-slim-bookworm AS build
# Where torch comes from: builds for the CPU, or those of a CUDA version, which bring their own libraries.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/emo
ENV PATH=/opt/emo/bin:$PATH
WORKDIR /src
COPY constraints.txt ./
RUN pip install -c constraints.txt --index-url "${TORCH_INDEX}" torch
COPY pyproject.toml README.md LICENSE ./
COPY configs/model configs/model
COPY weights weights
COPY emo emo
RUN pip install -c constraints.txt '.[mediapipe,ui,serve]'

FROM python:${PYTHON}-slim-bookworm
# What the wheels of OpenCV and MediaPipe expect of a system; no version is pinned, as Debian keeps only the newest.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 libsm6 libxext6 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 emo
COPY --from=build /opt/emo /opt/emo
ENV PATH=/opt/emo/bin:$PATH PYTHONUNBUFFERED=1 PORT=7860
USER 1000:1000
WORKDIR /home/emo
EXPOSE 7860
# Both servers answer there; a page with a password answers with its form.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/', timeout=8)"]
ENTRYPOINT ["emo"]
CMD ["ui", "--host", "0.0.0.0", "--port", "7860"]
