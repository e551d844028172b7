import { X509Certificate } from 'node:crypto';
import { canonicalIp } from '../../base/network/ip-address.ts';
import type { Config } from '../../config/load/load.ts';
import { usualTlsAddress } from '../../config/values/address.ts';
import type { FeatureRoutes, Host } from '../../features/contract.ts';
import { type HttpsState, httpsRoute, qrRoute, serverRoutes } from '../../http/api/device/address-routes.ts';
import { healthRoute } from '../../http/api/device/stats.ts';
import type { ListenerTls } from '../../http/listener/listener-tls.ts';
import { type TrustLookup, trustRoutes } from '../../http/pages/trust/trust-routes.ts';
import { addressesOf } from '../../tls/issue.ts';
import type { Servers } from '../servers/servers.ts';
import { type HealthFacts, healthOf } from './health-check.ts';
import type { HttpPorts } from './http-ports.ts';

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

interface OpenPorts {
  readonly mainPort: number | undefined;
  readonly tlsPort: number | undefined;
  readonly tls: ListenerTls | undefined;
}

/** @param authority fingerprint of the own authority */
function httpsState(
  config: Pick<Config, 'address' | 'tlsAddress' | 'tlsRedirect'>,
  { mainPort, tlsPort, tls }: OpenPorts,
  authority: string | undefined,
): HttpsState {
  return {
    address: config.tlsAddress,
    usualAddress: usualTlsAddress(config.address),
    port: tlsPort ?? null,
    httpPort: mainPort ?? null,
    redirect: config.tlsRedirect,
    certificate: tls ? certificateJson(tls, authority) : null,
  };
}

function certificateJson({ pair }: ListenerTls, authority: string | undefined): HttpsState['certificate'] {
  const certificate = new X509Certificate(pair.cert);
  const { subjectAltName = '', fingerprint256, validToDate } = certificate;
  const isOwn = pair.isOwn === true;
  return {
    isOwn,
    fingerprint: isOwn && authority !== undefined ? authority : fingerprint256,
    names: [...subjectAltName.matchAll(/DNS:([^,\s"]+)/g)].map(([, name = '']) => name),
    addresses: addressesOf(certificate).map((ip) => canonicalIp(ip) ?? ip),
    until: validToDate.toISOString(),
  };
}
