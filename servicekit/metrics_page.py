"""``GET /metrics`` on a port of its own, so that who may look is a matter of the network."""

from aiohttp import web

from servicekit.listening import join_address
from servicekit.metrics import Metrics
from servicekit.settings import ConfigurationError, ServerSettings

PATH = "/metrics"


class MetricsPage:
    """Listens until closed."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        app = web.Application(client_max_size=1024)
        app.router.add_get(PATH, self._get)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)

    async def start(self, settings: ServerSettings) -> str:
        """Listen; the address, with the real port. ConfigurationError when that cannot be."""
        await self._runner.setup()
        host, port = settings.metrics_host, settings.metrics_port
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError:
            await self._runner.cleanup()
            prefix = settings.model_config.get("env_prefix", "").upper()
            raise ConfigurationError(
                f"{prefix}METRICS_PORT: cannot listen on {join_address(host, port)}: the port is "
                "taken or the address is not of this machine. Choose another port, 0 for a free "
                f"one, or set {prefix}METRICS=false."
            ) from None
        bound_host, bound_port = self._runner.addresses[0][:2]
        return join_address(bound_host, bound_port)

    async def close(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _get(self, request: web.Request) -> web.Response:
        page, content_type = await self._metrics.page(request.headers.get("Accept", ""))
        return web.Response(body=page, headers={"Content-Type": content_type})
