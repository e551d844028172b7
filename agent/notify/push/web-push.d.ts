declare module 'web-push/src/encryption-helper.js' {
  const helper: {
    /** RFC 8291; keys are base64url. */
    encrypt(publicKey: string, auth: string, payload: Buffer, encoding: 'aes128gcm'): { readonly cipherText: Buffer };
  };
  export = helper;
}
declare module 'web-push/src/vapid-helper.js' {
  const helper: {
    /** RFC 8292. @param expiration Unix seconds, at most a day ahead */
    getVapidHeaders(
      audience: string,
      subject: string,
      publicKey: string,
      privateKey: string,
      encoding: 'aes128gcm',
      expiration?: number,
    ): { readonly Authorization: string };
  };
  export = helper;
}
