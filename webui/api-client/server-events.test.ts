import { expect, test } from 'vitest';
import { cameraNews, configNews, eventsNow, foundNews, onNews, probeNews, takeNews } from './server-events.ts';

const tell = (type: string, news: object) => takeNews(type, JSON.stringify(news));
const time = '2026-11-20T17:51:02.114Z';

test('what is told of a camera stands under its path, its endpoint or its probe', () => {
  tell('camera', { time, path: 'door', state: 'failed', reason: 'connection refused' });
  tell('camera', { time, state: 'found', endpoint: 'urn:uuid:1', address: '192.0.2.7', name: 'Cam' });
  tell('camera', { time, state: 'probing', id: 'p1', done: 1, total: 3 });
  tell('camera', { time, path: 'door', state: 'connected' });
  expect(cameraNews.value.get('door')?.state).toBe('connected');
  expect(foundNews.value.get('urn:uuid:1')?.address).toBe('192.0.2.7');
  expect(probeNews.value.get('p1')?.done).toBe(1);
  expect(cameraNews.value.size).toBe(1);
});

test('the newest event of each camera is kept, and the change of the configuration', () => {
  tell('event', { id: '1', path: 'door', type: 'motion', start: time, end: null });
  tell('event', { id: '1', path: 'door', type: 'motion', start: time, end: time });
  tell('config', { time, change: 'door changed', path: 'door' });
  expect([...eventsNow.value.values()]).toEqual([{ id: '1', path: 'door', type: 'motion', start: time, end: time }]);
  expect(configNews.value?.path).toBe('door');
});

test('who listens hears its kind until it does not want to', () => {
  const heard: string[] = [];
  const stop = onNews('disk', ({ state }) => heard.push(state));
  tell('disk', { time, state: 'full' });
  tell('path', { time, path: 'door', state: 'available' });
  takeNews('disk', 'no JSON');
  stop();
  tell('disk', { time, state: 'ok' });
  expect(heard).toEqual(['full']);
});

test('a box that tells of cameras without end does not fill the memory', () => {
  for (let i = 0; i < 1000; i += 1) {
    tell('camera', { time, state: 'found', endpoint: `urn:uuid:n${i}` });
  }
  expect(foundNews.value.size).toBeLessThanOrEqual(200);
  expect(foundNews.value.has('urn:uuid:n999')).toBe(true);
});
