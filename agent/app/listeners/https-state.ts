import { X509Certificate } from 'node:crypto';
import { canonicalIp } from '../../base/network/ip-address.ts';
import type { Config } from '../../config/load/load.ts';
import { usualTlsAddress } from '../../config/values/address.ts';
import type { HttpsState } from '../../http/api/device/https-route.ts';
import type { ListenerTls } from '../../http/listener/listener-tls.ts';
import { addressesOf } from '../../tls/issue.ts';

interface OpenPorts {
  readonly mainPort: number | undefined;
  readonly tlsPort: number | undefined;
  readonly tls: ListenerTls | undefined;
}

/** @param authority fingerprint of the own authority */
export function httpsState(
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
