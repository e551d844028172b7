import type { SigningWords } from './en.ts';

export const zhCn: SigningWords = {
  signingKey: '录像签名密钥',
  signingKeyHint: '请记录在设备无法更改的地方。',
};
