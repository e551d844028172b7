import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { recorderLogin, recorderText } from './recorder-address.ts';

const USUAL = '/onvif/device_service';

test.for([
  ['192.168.1.9', { url: `http://192.168.1.9${USUAL}`, host: '192.168.1.9' }],
  [' nvr.local:8000/ ', { url: `http://nvr.local:8000${USUAL}`, host: 'nvr.local:8000' }],
  ['onvif://admin:a%40b@10.0.0.2', { url: `http://10.0.0.2${USUAL}`, user: 'admin', password: 'a@b' }],
  ['onvif://admin:a@b:c@10.0.0.2/x', { url: 'http://10.0.0.2/x', user: 'admin', password: 'a@b:c' }],
  ['onvif://admin@10.0.0.2', { user: 'admin', password: undefined }],
  ['https://[fd00::9]:8443/onvif/x?y=1', { url: 'https://[fd00::9]:8443/onvif/x?y=1', host: '[fd00::9]:8443' }],
] as const)('%s is an address', ([text, expected]) => {
  expect(recorderLogin(text)).toMatchObject(expected);
});

test.for(['', 'rtsp://10.0.0.2/', 'a b', 'onvif://', 'onvif://user:s3cret@', 'onvif://user:s3cret@[::1', 'host:99999'])(
  '%o is none, and the error does not show the password',
  (text) => {
    expect(() => recorderLogin(text)).toThrow(PerchError);
    expect(() => recorderLogin(text)).not.toThrow('s3cret');
  },
);

test('the name of a recorder has no login', () => {
  expect(recorderText({ address: 'onvif://admin:s3cret@nvr:8000/x' })).toBe('nvr:8000');
  expect(recorderText({ camera: 'door' })).toBe('door');
});

test('any text is an address or an error for a person', () => {
  const float = random(20_261_128);
  const next = (below: number) => Math.floor(float() * below);
  const alphabet = [...'onvif:/@[]%.:a1?# \u{1f4f7}\n'];
  for (let i = 0; i < 5_000; i += 1) {
    const text = Array.from({ length: next(24) }, () => alphabet[next(alphabet.length)]).join('');
    try {
      expect(new URL(recorderLogin(text).url.replace(/%25[^\]]*/, '')).username).toBe('');
    } catch (error) {
      expect(error, text).toBeInstanceOf(PerchError);
    }
  }
});
