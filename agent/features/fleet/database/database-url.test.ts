import { describe, expect, test } from 'vitest';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { placeOf, readDatabaseURL } from './database-url.ts';

test.for([
  ['postgres://perch:p%40ss@db.example.org/cameras', 'db.example.org', 5432, 'p@ss', true],
  ['postgresql://perch@db.example.org:6432/cameras?sslmode=verify-full', 'db.example.org', 6432, '', true],
  ['postgres://perch:x@10.1.2.3/cameras?sslmode=disable', '10.1.2.3', 5432, 'x', false],
  ['postgres://perch:x@127.0.0.1/cameras', '127.0.0.1', 5432, 'x', false],
  ['postgres://perch:x@localhost/cameras?sslmode=verify-full', 'localhost', 5432, 'x', true],
  ['postgres://perch:x@[2001:db8::1]/cameras', '2001:db8::1', 5432, 'x', true],
  ['postgres://perch@socket/cameras?host=/run/postgresql', '/run/postgresql', 5432, '', false],
] as const)('%s', ([url, host, port, password, isVerified]) => {
  expect(readDatabaseURL(url)).toMatchObject({ host, port, user: 'perch', password, database: 'cameras', isVerified });
});

describe('rejected, without the password in the message', () => {
  test.for([
    ['mysql://perch:geheim@db/cameras', 'not the address of a PostgreSQL database'],
    ['db.example.org', 'not the address of a PostgreSQL database'],
    ['postgres://db.example.org/cameras', 'it needs a user'],
    ['postgres://perch:geheim@db.example.org', 'it needs a user, a host and the name'],
    ['postgres://perch:geheim@db.example.org/a/b', 'it needs a user, a host and the name'],
    ['postgres://perch:geheim@db.example.org/cameras?sslmode=require', 'sslmode=require does not verify'],
    ['postgres://perch:geheim@db.example.org/cameras?sslmode=prefer', 'sslmode=prefer does not verify'],
    ['postgres://perch:geheim@db.example.org/cameras?options=-c', "the parameter 'options' is not known"],
    ['postgres://perch:geh%zzeim@db.example.org/cameras', "a '%' in user"],
  ] as const)('%s', ([url, message]) => {
    expect(() => readDatabaseURL(url)).toThrow(message);
    expect(() => readDatabaseURL(url)).not.toThrow('geh');
  });
});

test('messages name the place without user and password', () => {
  const address = readDatabaseURL('postgres://perch:geheim@[2001:db8::1]:6432/cameras');
  expect(placeOf(address)).toBe("database 'cameras' at [2001:db8::1]:6432");
});

test('any text is an address or a PerchError', () => {
  const seed = Buffer.from('postgres://perch:p%40ss@[2001:db8::1]:6432/cameras?sslmode=verify-full&host=/run');
  const next = random(1);
  for (let count = 0; count < 5_000; count += 1) {
    try {
      readDatabaseURL(Buffer.from(mutate(seed, next)).toString('latin1'));
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
