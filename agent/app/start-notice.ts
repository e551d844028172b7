import { systemInterfaces } from '../base/network/interfaces.ts';
import type { OwnCommand } from '../base/own-command.ts';
import type { App } from './app.ts';
import { ownerNotice, setupNotice } from './device/setup-notice.ts';

interface StartNoticeOptions {
  readonly own: OwnCommand;
  /** What standard output is. The system log gets no setup code, because it may be sent to other machines. */
  readonly output: 'terminal' | 'file' | 'syslog';
}

type Facts = Pick<App, 'mainAddress' | 'mainPort' | 'tlsAddress' | 'tlsPort' | 'accounts' | 'fingerprint'>;

/**
 * Texts of the start: addresses of the page, and how to claim a box without owner.
 * @returns the same texts while the addresses are the same
 */
export async function startNotice(app: Facts, { own, output }: StartNoticeOptions): Promise<readonly string[]> {
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
  const { setup, owner } = app.accounts;
  if (setup && output !== 'syslog') {
    const notice = { ...setup, url, fingerprint: app.fingerprint, claim: own.of('claim') };
    texts.push(setupNotice(notice, output === 'terminal').join('\n'));
  } else if (owner === undefined) {
    texts.push(ownerNotice(own, setup !== undefined));
  }
  return texts;
}

/** The address in the local network if the port is open to it, for a phone. */
function urlOf(scheme: 'http' | 'https', address: string, port: number): string {
  if (!isAnyHost(address)) {
    return `${scheme}://${hostOf(address)}:${port}`;
  }
  const own = Object.values(systemInterfaces()).flatMap((addresses) => addresses ?? []);
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
