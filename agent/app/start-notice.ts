import { networkInterfaces } from 'node:os';
import type { App } from './app.ts';
import { setupNotice } from './device/setup-notice.ts';

type Facts = Pick<App, 'mainAddress' | 'mainPort' | 'tlsAddress' | 'tlsPort' | 'accounts' | 'fingerprint'>;

/**
 * What the start prints: where the page is, and how a device without owner is claimed. A terminal alone shows the setup
 * code: what goes elsewhere is kept, as a journal is.
 *
 * @returns texts, which stay the same for as long as the addresses do
 */
export async function startNotice(app: Facts, isTerminal: boolean): Promise<readonly string[]> {
  const texts: string[] = [];
  if (app.tlsPort !== undefined) {
    const url = urlOf('https', app.tlsAddress, app.tlsPort);
    texts.push(`Over https: ${withLocal(url, 'https', app.tlsAddress, app.tlsPort)}`);
  }
  if (app.mainPort === undefined) {
    return texts;
  }
  const url = urlOf('http', app.mainAddress, app.mainPort);
  texts.unshift(`Perch is at ${withLocal(url, 'http', app.mainAddress, app.mainPort)}`);
  await app.accounts.setUrl(url);
  const { setup } = app.accounts;
  if (setup && isTerminal) {
    texts.push(setupNotice({ ...setup, url, fingerprint: app.fingerprint }).join('\n'));
  }
  return texts;
}

/** What to type into a phone: the address in the local network, when the port is open to it. */
function urlOf(scheme: 'http' | 'https', address: string, port: number): string {
  if (!isAnyHost(address)) {
    return `${scheme}://${hostOf(address)}:${port}`;
  }
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const lan = own.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  return `${scheme}://${lan ?? LOCAL}:${port}`;
}

function withLocal(url: string, scheme: 'http' | 'https', address: string, port: number): string {
  const local = `${scheme}://${LOCAL}:${port}`;
  return isAnyHost(address) && url !== local ? `${url}/ (on this machine also ${local}/)` : `${url}/`;
}

const LOCAL = '127.0.0.1';
const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(':'));
const isAnyHost = (address: string): boolean => ['', '0.0.0.0', '[::]'].includes(hostOf(address));
