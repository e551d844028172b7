import type { FeatureRoutes, Host } from '../../features/contract.ts';
import { httpsRoute } from '../../http/api/device/https-route.ts';
import { qrRoute } from '../../http/api/device/qr-route.ts';
import { serverRoutes } from '../../http/api/device/server-routes.ts';
import { healthRoute } from '../../http/pages/health.ts';
import { type TrustLookup, trustRoutes } from '../../http/pages/trust/trust-routes.ts';
import type { Servers } from '../servers/servers.ts';
import { type HealthFacts, healthOf } from './health-check.ts';
import type { HttpPorts } from './http-ports.ts';
import { httpsState } from './https-state.ts';

export interface AddressRoutesDeps extends Pick<Host, 'config'>, Omit<HealthFacts, 'config'> {
  readonly own: Pick<TrustLookup, 'authority'>;
  readonly accounts: { readonly owner: string | undefined };
  readonly servers: Servers;
}

/** Health of the box, its certificates, and the addresses of page and servers. */
export const addressRoutes = (deps: AddressRoutesDeps, ports: HttpPorts): FeatureRoutes => ({
  listener: 'main',
  mount: async (app, access) => {
    const { config, own, accounts, servers } = deps;
    const health = {
      status: () => healthOf(deps),
      get isClaimed() {
        return accounts.owner !== undefined;
      },
    };
    await app.register(healthRoute, { health });
    const trust = { authority: () => own.authority(), port: () => ports.tlsPort, box: ports.https.box };
    await app.register(trustRoutes, { trust });
    const state = () => httpsState(config(), ports, own.authority()?.fingerprint);
    await app.register(httpsRoute, { access, state });
    await app.register(qrRoute, { access });
    await app.register(serverRoutes, { access, servers: () => servers.publishing(config()) });
  },
});
