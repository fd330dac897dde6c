# The container image of qsmrim. Needs no feature newer than multi-stage builds, so that old engines can build it.
#
#   docker build --build-arg TORCH_VARIANT=cpu --build-arg PIP_ARGS="..." -t qsmrim .
#
# Layers are ordered by how often they change: the environment is built again only when requirements.lock changes.

# --- what the program needs, with a compiler for pyradiomics -----------------------------------------------------
FROM debian:bookworm-slim AS environment
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv python3-dev gcc libc6-dev \
 && apt-get clean && rm -rf /var/lib/apt/lists/*

# cpu or cuda: which torch is wanted. PyPI's own is built for CUDA; for cpu, PIP_ARGS names where else to look.
ARG TORCH_VARIANT=cuda
ARG PIP_ARGS=
ENV PATH=/opt/qsmrim/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock /build/
WORKDIR /build
# hadolint ignore=DL3013,SC2086
RUN python3 -m venv /opt/qsmrim \
 && pip install $PIP_ARGS -c requirements.lock torch setuptools \
 && python -c "import sys, torch; have = 'cuda' if torch.version.cuda else 'cpu'; sys.exit(0 if have == '${TORCH_VARIANT}' else f'torch {torch.__version__} is built for {have}, TORCH_VARIANT asks for ${TORCH_VARIANT}: give PIP_ARGS the index of that build, or another TORCH_VARIANT')"
# The order matters: pyradiomics has no wheel and is built against the numpy that stands beside it.
# hadolint ignore=DL3013,SC2086
RUN pip install $PIP_ARGS -c requirements.lock numpy scipy \
 && pip install $PIP_ARGS -c requirements.lock --no-build-isolation --use-pep517 pyradiomics \
 && pip install $PIP_ARGS -r requirements.lock \
 && pip check \
 && chmod -R a+rX /opt/qsmrim

# --- the program itself ------------------------------------------------------------------------------------------
FROM environment AS program
COPY pyproject.toml README.md version /build/
COPY qsmrim_app /build/qsmrim_app
# hadolint ignore=DL3013
RUN pip install --no-build-isolation --no-deps --no-index --prefix /program . \
 && chmod -R a+rX /program

# --- what is shipped: no compiler, no pip cache, nothing under /root or /home ----------------------------------------
FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 \
 && apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/*.log /var/log/apt
COPY --from=environment /opt/qsmrim /opt/qsmrim
COPY --from=program /program /opt/qsmrim
COPY version LICENSE /

# No caches, no user's packages, no question over the network; where temporary files go is chosen at start.
ENV PATH=/opt/qsmrim/bin:$PATH \
    LANG=C.UTF-8 \
    MPLBACKEND=Agg \
    NO_ET=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONNOUSERSITE=1 \
    PYTHONUNBUFFERED=1

# Any other user works as well: docker run --user "$(id -u):$(id -g)".
USER 1000:1000
WORKDIR /

ARG TORCH_VARIANT=cuda
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="qsmrim" \
      org.opencontainers.image.description="Find chronic active (rim+) multiple sclerosis lesions on QSM: a BIDS App. For research, not for diagnosis." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.label-schema.schema-version="1.0" \
      org.label-schema.name="qsmrim" \
      org.label-schema.description="Find chronic active (rim+) multiple sclerosis lesions on QSM: a BIDS App" \
      org.label-schema.version="${VERSION}" \
      org.label-schema.vcs-ref="${REVISION}" \
      org.label-schema.build-date="${CREATED}" \
      qsmrim.torch-variant="${TORCH_VARIANT}"
# What dataset_description.json says of where the outputs come from.
ENV QSMRIM_CONTAINER_TYPE=docker QSMRIM_CONTAINER_TAG=qsmrim:${VERSION}
ENTRYPOINT ["qsmrim"]
