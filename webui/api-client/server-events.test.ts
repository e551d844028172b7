import { expect, test } from 'vitest';
import { discoveredNow, dispatchServerEvent, onServerEvent } from './server-events.ts';

const tell = (type: string, news: object) => dispatchServerEvent(type, JSON.stringify(news));
const time = '2026-11-20T17:51:02.114Z';

test('a discovered camera is listed by its endpoint', () => {
  tell('camera', { time, path: 'door', state: 'failed', reason: 'connection refused' });
  tell('camera', { time, state: 'found', endpoint: 'urn:uuid:1', address: '192.0.2.7', name: 'Cam' });
  expect([...discoveredNow.value.keys()]).toEqual(['urn:uuid:1']);
  expect(discoveredNow.value.get('urn:uuid:1')?.name).toBe('Cam');
});

test('a listener gets events of its type until it is removed', () => {
  const heard: string[] = [];
  const stop = onServerEvent('disk', ({ state }) => heard.push(state));
  tell('disk', { time, state: 'full' });
  tell('path', { time, path: 'door', state: 'available' });
  dispatchServerEvent('disk', 'no JSON');
  stop();
  tell('disk', { time, state: 'ok' });
  expect(heard).toEqual(['full']);
});

test('discovered cameras are limited in number', () => {
  for (let i = 0; i < 1000; i += 1) {
    tell('camera', { time, state: 'found', endpoint: `urn:uuid:n${i}` });
  }
  expect(discoveredNow.value.size).toBeLessThanOrEqual(200);
  expect(discoveredNow.value.has('urn:uuid:n999')).toBe(true);
});
