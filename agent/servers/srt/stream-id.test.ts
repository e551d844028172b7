import { expect, test } from 'vitest';
import { parseStreamId } from './stream-id.ts';

const none = { query: '', credentials: undefined };
const login = (user: string, password: string) => ({ credentials: { user, password } });

test.for([
  ['read:mypath', { action: 'read', path: 'mypath', ...none }],
  ['publish:yard/door', { action: 'publish', path: 'yard/door', ...none }],
  ['publish:/yard/', { action: 'publish', path: 'yard', ...none }],
  ['publish:mypath:a=1', { action: 'publish', path: 'mypath', query: 'a=1', credentials: undefined }],
  ['read:mypath:tom:secret', { action: 'read', path: 'mypath', query: '', ...login('tom', 'secret') }],
  ['read:mypath:tom:secret:a=1', { action: 'read', path: 'mypath', query: 'a=1', ...login('tom', 'secret') }],
  [
    'publish:my_path:tom:secret#feedbackplay',
    { action: 'publish', path: 'my_path', query: '', ...login('tom', 'secret') },
  ],
  ['publish:my_path#feedbackplay', { action: 'publish', path: 'my_path', ...none }],
  ['publish:my_path:a=1#feedbackplay', { action: 'publish', path: 'my_path', query: 'a=1', credentials: undefined }],
  ['read:mypath:tom:secret#feedbackplay', { action: 'read', path: 'mypath', query: '', ...login('tom', 'secret') }],
  ['read:mypath:tom:secret%23feedbackplay', { action: 'read', path: 'mypath', query: '', ...login('tom', 'secret') }],
  ['#!::r=door,u=tom,s=secret#feedbackplay', { action: 'read', path: 'door', query: '', ...login('tom', 'secret') }],
  ['read:mypath:tom:se#cret', { action: 'read', path: 'mypath', query: '', ...login('tom', 'se#cret') }],
  ['read:mypath:::a=1', { action: 'read', path: 'mypath', query: 'a=1', credentials: undefined }],
  ['#!::m=publish,r=door,u=tom,s=a=b', { action: 'publish', path: 'door', query: '', ...login('tom', 'a=b') }],
  ['#!::r=door', { action: 'read', path: 'door', ...none }],
  ['#!::m=request,r=door,t=stream,h=host', { action: 'read', path: 'door', ...none }],
  ['#!::bmd_uuid=0e1df79f,bmd_name=rdt,r=test3,m=publish', { action: 'publish', path: 'test3', ...none }],
] as const)('%s', ([text, expected]) => {
  expect(parseStreamId(text)).toEqual(expected);
});

test.for([
  '',
  'mypath',
  'read',
  'read:',
  'play:mypath',
  'request:mypath',
  'constructor:mypath',
  '#!::m=constructor,r=a',
  'read:a:b:c:d:e',
  '#!::m=bidirectional,r=a',
  '#!::m=publish',
])("'%s' names nothing", (text) => {
  expect(() => parseStreamId(text)).toThrow('SRT stream ID');
});
