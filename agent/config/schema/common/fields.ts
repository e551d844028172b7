import Type from 'typebox';
import { IpRanges } from '../../values/address.ts';

export const Origins = () =>
  Type.Array(Type.String(), {
    default: ['*'],
    names: 'origins',
    description: 'Web sites whose scripts may send requests to this server (CORS).',
  });
export const Proxies = () => IpRanges('Reverse proxies whose X-Forwarded headers are trusted.', { isRight: true });
export const TcpProxies = () =>
  IpRanges('Proxies whose PROXY protocol headers (version 1 or 2) are trusted.', { isRight: true });
export const KeyFile = () =>
  Type.String({
    default: 'server.key',
    names: 'keyFile',
    description: "Private key for TLS. If the file is missing: Perch's own.",
  });
export const CertFile = () =>
  Type.String({
    default: 'server.crt',
    names: 'keyFile',
    description: "Certificate for TLS. If the file is missing: Perch's own.",
  });
export const Fingerprint = (whose: string, keywords = {}) =>
  Type.String({
    default: '',
    syntax: 'fingerprint',
    description: `SHA-256 in hex of ${whose} TLS certificate, from any issuer. No other one is accepted.`,
    ...keywords,
  });
export const Switch = (on: boolean, description: string) => Type.Boolean({ default: on, description });
