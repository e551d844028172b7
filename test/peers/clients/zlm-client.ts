import { expect } from 'vitest';
import { type Agent, until } from '../agent/agent.ts';

export const SECRET = 'a-kingfisher';
export const CAM1 = { schema: 'rtsp', vhost: '__defaultVhost__', app: 'live', stream: 'cam1' };

export type Fields = Readonly<Record<string, string>>;
export type Answer = Readonly<Record<string, unknown>> & { readonly code: number; readonly data?: unknown };

export const address = (agent: Agent, name: string, fields: Fields): string =>
  `${agent.url}/index/api/${name}?${new URLSearchParams(fields)}`;

export async function call(agent: Agent, name: string, fields: Fields = {}): Promise<Answer> {
  const response = await fetch(address(agent, name, { secret: SECRET, ...fields }));
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

/** Waits until a stream exists. */
export const isOnline = (agent: Agent, fields: Fields = CAM1) =>
  until(async () => ((await call(agent, 'isMediaOnline', fields))['online'] === true ? true : undefined));
