declare module 'web-push/src/encryption-helper.js' {
  const helper: {
    /** RFC 8291; keys are base64url. */
    encrypt(publicKey: string, auth: string, payload: Buffer, encoding: 'aes128gcm'): { readonly cipherText: Buffer };
  };
  export = helper;
}
