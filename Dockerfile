# Two images from one file: `--target serve` (the default) and `--target actions`.
# Neither holds torch; train with `make train` or `pip install parley[train]`.
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ENV ROOT=/opt/parley PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY pyproject.toml hatch_build.py README.md LICENSE constraints.txt constraints-actions.txt ./
COPY bot bot
COPY nlu nlu
COPY training training
RUN python -m venv $ROOT/serve
RUN $ROOT/serve/bin/python -m pip install -c constraints.txt '.[postgres,broker,oidc]'
RUN $ROOT/serve/bin/python -m pip uninstall -y pip setuptools
RUN python -m venv $ROOT/actions
RUN $ROOT/actions/bin/python -m pip install -c constraints-actions.txt rasa-sdk sqlalchemy
RUN $ROOT/actions/bin/python -m pip uninstall -y pip
RUN mkdir $ROOT/home

FROM ${PYTHON} AS actions
ENV ROOT=/opt/parley PYTHONUNBUFFERED=1
COPY --from=build /opt/parley/actions /opt/parley/actions
COPY --from=build --chown=10001:10001 /opt/parley/home /shop
COPY bot/children/healthcheck.py /opt/parley/healthcheck.py
WORKDIR /project
USER 10001:10001
EXPOSE 5055
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/opt/parley/actions/bin/python", "/opt/parley/healthcheck.py", "http://127.0.0.1:5055/health"]
CMD ["/opt/parley/actions/bin/python", "-m", "rasa_sdk", "--actions", "actions", "--port", "5055"]

FROM ${PYTHON} AS serve
ENV ROOT=/opt/parley PATH=/opt/parley/serve/bin:$PATH PYTHONUNBUFFERED=1 \
    PARLEY_HOST=0.0.0.0 PARLEY_PROJECT=/project PARLEY_HOME=/var/lib/parley PARLEY_LOG_FORMAT=json
COPY --from=build /opt/parley/serve /opt/parley/serve
COPY bot/children/healthcheck.py /opt/parley/healthcheck.py
COPY --from=build --chown=10001:10001 /opt/parley/home /var/lib/parley
WORKDIR /project
USER 10001:10001
EXPOSE 5005
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "/opt/parley/healthcheck.py", "http://127.0.0.1:5005/ready"]
CMD ["parley", "run"]
