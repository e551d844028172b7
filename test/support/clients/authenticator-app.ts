const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The secret of an `otpauth` URI, as an authenticator app reads it. */
export const secretOfUri = (uri: string): Buffer => secretOfText(new URL(uri).searchParams.get('secret') ?? '');

/** The secret as a person types it into the app, in groups. */
export function secretOfText(text: string): Buffer {
  const bits = [...text.replaceAll(' ', '')].map((char) => BASE32.indexOf(char).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
