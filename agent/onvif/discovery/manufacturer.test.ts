import { expect, test } from 'vitest';
import { manufacturerOf } from './manufacturer.ts';

const ONVIF = 'onvif://www.onvif.org';

test.for([
  ['said outright', [`${ONVIF}/name/Front%20door`, `${ONVIF}/manufacturer/ACME%20GmbH`], 'ACME GmbH'],
  ['said in other words', [`${ONVIF}/mfr/ACME`], 'ACME'],
  ['said in capitals, in a scope of its own', ['onvif://www.acme.example/Vendor/ACME'], 'ACME'],
  ['said outright before a name that says otherwise', [`${ONVIF}/name/Axis`, `${ONVIF}/brand/Dahua`], 'Dahua'],
  ['in its name', [`${ONVIF}/type/ptz`, `${ONVIF}/name/HIKVISION%20DS-2CD2043G2-I`], 'Hikvision'],
  ['alone as its name', [`${ONVIF}/name/Dahua`], 'Dahua'],
  ['in its hardware', [`${ONVIF}/name/IPC`, `${ONVIF}/hardware/AXIS%20M1065-L`], 'Axis'],
  ['as a brand, before an underscore', [`${ONVIF}/hardware/Tapo_C200`], 'TP-Link'],
  ['before a hyphen and its model', [`${ONVIF}/name/HIKVISION-DS2`], 'Hikvision'],
  ['with a hyphen of its own', [`${ONVIF}/name/TP-Link`], 'TP-Link'],
  ['in the host of a scope', [`${ONVIF}/name/cam`, 'odm://www.hikvision.com/x/y'], 'Hikvision'],
  ['nowhere', [`${ONVIF}/name/Front%20door`, `${ONVIF}/hardware/X1`, 'ldap:///o=x', 'nonsense'], undefined],
  ['only as a part of another word', [`${ONVIF}/name/taxis`], undefined],
  ['with nothing in it', [`${ONVIF}/manufacturer/`, `${ONVIF}/name/%`], undefined],
  ['with a bare %', [`${ONVIF}/manufacturer/100%`], '100%'],
  ['over several lines', [`${ONVIF}/manufacturer/A%0AB`], 'A B'],
] as const)('the manufacturer is %s', ([, scopes, manufacturer]) => {
  expect(manufacturerOf(scopes)).toBe(manufacturer);
});
