/** SHA-256 as base64. Another thread computes it, so that the event loop does not wait. @param bytes of no shared memory */
export async function sha256Of(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)).toString('base64');
}
