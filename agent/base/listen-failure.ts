import { PerchError } from './errors.ts';
import { holderOf } from './port-holder.ts';

/**
 * Why a port cannot be listened on, and what the reader can do about it.
 * @param key the configuration key that the address comes from: the thing to change
 */
export async function listenFailure(error: unknown, key: string, address: string, port: number): Promise<PerchError> {
  const context = { key, address };
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    const holder = await holderOf(port);
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
