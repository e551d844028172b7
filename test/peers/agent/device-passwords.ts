import { expect } from 'vitest';
import { type Agent, OWNER_PASSWORD, until } from './agent.ts';

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** A device password, as it is shown once. */
export interface Device extends Login {
  readonly id: string;
}

export const OWNER: Login = { user: 'owner', password: OWNER_PASSWORD };

/** RFC 7617. */
export const basic = ({ user, password }: Login): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** MediaMTX's form, for clients that have one field for a token, such as OBS. */
export const bearer = ({ user, password }: Login): string => `Bearer ${user}:${password}`;

export async function askAsOwner<T>(agent: Agent, method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(`${agent.url}${path}`, {
    method,
    headers: { Authorization: basic(OWNER), ...(body && { 'Content-Type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  expect([path, response.status]).toEqual([path, 200]);
  return (await response.json()) as T;
}

/** @param rights for the path `cam`, to watch it live, where they say nothing else */
export const deviceOf = (agent: Agent, name: string, rights: object): Promise<Device> =>
  askAsOwner(agent, 'POST', '/v3/devicepasswords', { name, paths: ['cam'], ...rights });

export const revoke = (agent: Agent, { id }: Device): Promise<object> =>
  askAsOwner(agent, 'DELETE', `/v3/devicepasswords/${id}`);

export const rtspUrlOf = (agent: Agent, { user, password }: Login, path = 'cam'): string =>
  `rtsp://${user}:${encodeURIComponent(password)}@127.0.0.1:${agent.ports.rtsp}/${path}`;

/** @param wanted false: the publisher of an earlier test is gone */
export const whenReady = (agent: Agent, path = 'cam', wanted = true): Promise<boolean> =>
  until(async () => {
    const { ready } = await askAsOwner<{ ready: boolean }>(agent, 'GET', `/v3/paths/get/${path}`);
    return ready === wanted ? true : undefined;
  });
