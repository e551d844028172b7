import { createHash } from 'node:crypto';

/** An authority's certificate, for phones. */
export interface ShownAuthority {
  /** `Perch box 3f2a`. */
  readonly name: string;
  readonly pem: string;
  readonly der: Uint8Array;
  /** SHA-256, `AB:CD:…`. */
  readonly fingerprint: string;
  /** Unix milliseconds. */
  readonly untilMs: number;
}

/** Apple's configuration profile with one root certificate (payload com.apple.security.root). */
export function mobileProfile({ name, der }: ShownAuthority): string {
  const shown = escapeXml(name);
  const lines = Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n');
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>PayloadType</key><string>Configuration</string>
  <key>PayloadVersion</key><integer>1</integer>
  <key>PayloadDisplayName</key><string>${shown}</string>
  <key>PayloadIdentifier</key><string>perch.${uuidOf(der, 'profile')}</string>
  <key>PayloadUUID</key><string>${uuidOf(der, 'profile')}</string>
  <key>PayloadContent</key>
  <array>
    <dict>
      <key>PayloadType</key><string>com.apple.security.root</string>
      <key>PayloadVersion</key><integer>1</integer>
      <key>PayloadDisplayName</key><string>${shown}</string>
      <key>PayloadIdentifier</key><string>perch.${uuidOf(der, 'root')}</string>
      <key>PayloadUUID</key><string>${uuidOf(der, 'root')}</string>
      <key>PayloadCertificateFileName</key><string>perch.crt</string>
      <key>PayloadContent</key>
      <data>
${lines}
      </data>
    </dict>
  </array>
</dict>
</plist>
`;
}

export const escapeXml = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Stable for a certificate, so that a repeated download replaces the profile. */
function uuidOf(der: Uint8Array, purpose: string): string {
  const hex = createHash('sha256').update(purpose).update(der).digest('hex').toUpperCase();
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
