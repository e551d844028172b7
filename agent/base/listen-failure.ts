import { PerchError } from './errors.ts';
import { holderOf } from './port-holder.ts';

/** Configuration keys of Perch's own TCP ports, to explain conflicts. */
const ownPorts = new Map<number, string>();

/** Registers a port that Perch listens on. */
export function registerOwnPort(port: number, key: string): void {
  ownPorts.set(port, key);
}

/** Explains why a port cannot be listened on, and what to do. @param key configuration key of the address */
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

/** The user must not stop the Perch that reports this. */
function ownWords(port: number, key: string): string {
  const other = ownPorts.get(port);
  return other === undefined || other === key
    ? `this same Perch: change ${key}`
    : `${other} of this same Perch: change ${other} or ${key}`;
}
