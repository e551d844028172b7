import { PerchError } from './errors.ts';
import { holderOf } from './port-holder.ts';

/** The keys of Perch's own TCP ports, for whoever finds one of them taken. What has been closed since is asked for by nobody. */
const ownPorts = new Map<number, string>();

/** A server listens on this TCP port now. */
export function tellOwnPort(port: number, key: string): void {
  ownPorts.set(port, key);
}

/**
 * Why a port cannot be listened on, and what the reader can do about it.
 * @param key the configuration key that the address comes from: the thing to change
 */
export async function listenFailure(error: unknown, key: string, address: string, port: number): Promise<PerchError> {
  const context = { key, address };
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    const holder = await holderOf(port);
    if (holder?.pid === process.pid) {
      return new PerchError('unavailable', `port ${port} is taken by ${ownWords(port, key)}`, context);
    }
    const who = holder === undefined ? 'another program' : `${holder.name} (process ${holder.pid})`;
    return new PerchError('unavailable', `port ${port} is taken by ${who}: stop it or change ${key}`, context);
  }
  if (code === 'EACCES') {
    const text = `port ${port} is not allowed to this user: change ${key} to a port from 1024 on`;
    return new PerchError('unavailable', text, context);
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new PerchError('unavailable', `${address} is not an address of this machine: change ${key}`, context);
  }
  return new PerchError('unavailable', `cannot listen on ${address} (${key})`, context, error);
}

/** Nobody is to stop the Perch that he reads this of. */
function ownWords(port: number, key: string): string {
  const other = ownPorts.get(port);
  return other === undefined || other === key
    ? `this same Perch: change ${key}`
    : `${other} of this same Perch: change ${other} or ${key}`;
}
