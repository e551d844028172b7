import Type from 'typebox';
import { IpRanges } from '../values/address.ts';

export const Origins = () =>
  Type.Array(Type.String(), {
    default: ['*'],
    description: 'Web sites whose scripts may send requests to this server (CORS).',
  });
export const Proxies = () => IpRanges('Reverse proxies whose X-Forwarded headers are trusted.');
export const TcpProxies = () =>
  IpRanges('Proxies that name their clients in a header of the PROXY protocol, version 1 or 2.');
export const KeyFile = (what: string) =>
  Type.String({ default: 'server.key', description: `File of the private key for ${what}. Missing: Perch's own.` });
export const CertFile = (what: string) =>
  Type.String({ default: 'server.crt', description: `File of the certificate for ${what}. Missing: Perch's own.` });
export const Switch = (on: boolean, description: string) => Type.Boolean({ default: on, description });
