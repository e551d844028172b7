/** Settings: https, the steps to it, and the way in from outside. */
export const secure = {
  title: 'Secure connection',
  https: 'https',
  httpsText: 'Encrypts the connection. Talking, sharing and installing need it.',
  onlyWay: 'The page has no other address: http is off, or another program has its port.',
  turningOn: 'Turning on…',
  isOn: 'https is on.',
  isOff: 'https is off.',
  offAsk: 'Turn off https?',
  offText: 'Phones and computers that use Perch over https, also as an installed app, lose it.',
  offMoves: 'This page continues over http, where you log in again.',
  offKept: 'Browsers that were here before insist on https for 30 days.',
  turnOff: 'Turn off',
  turningOff: 'Turning off…',
  portTaken: 'https has no port.',
  portTakenText: (port: string) => `Another program uses port ${port}. The box tries again.`,
  here: 'This browser',
  hereSecure: 'The connection is encrypted. Install Perch',
  herePlain: 'The connection is not encrypted. Open the steps',
  stepsTitle: 'Phones and computers',
  stepsText:
    'Each one trusts the box once. Scan the code with its camera, or open the address there. The page has the steps, checks them at the end, and then installs Perch.',
  stepsPublic: 'Scan the code with a phone, or open the address there. The page shows how to install Perch.',
  qrCode: 'QR code of the address below',
  certificate: 'Certificate',
  madeHere: 'Made by the box',
  yours: 'Your own certificate',
  until: (date: string) => `valid until ${date}`,
  covers: 'Valid for',
  fingerprint: 'Fingerprint (SHA-256)',
  fingerprintText: 'The page with the steps must show the same four lines.',
  outside: 'From outside your network',
  outsideVpn: 'A VPN such as WireGuard or Tailscale is safest: the internet sees nothing of the box.',
  outsideProxy:
    'A reverse proxy such as Caddy or nginx gives the box a public name with a certificate that every browser trusts.',
  outsideNever: 'Never forward the http port in your router: passwords and video would be readable on the way.',
  outsideMore: 'All steps for VPN and reverse proxy',
  remote: 'Reverse proxy and router',
  remoteRow: 'What Perch needs to know about them',
  remoteText: 'For people who open Perch from outside, through a reverse proxy. A VPN needs nothing here.',
  proxies: 'Addresses of the reverse proxy',
  proxiesHint: '127.0.0.1 for one on this box. Perch then sees the address of each client.',
  proxiesWrong: 'Addresses such as 127.0.0.1 or 192.168.1.0/24, separated by spaces.',
  hosts: 'Public names or addresses',
  hostsHint: (port: string) =>
    port === ''
      ? 'WebRTC is off.'
      : `Live video has no delay outside, either. The router must forward port ${port}, UDP and TCP, to this box.`,
  hostsWrong: 'Names such as perch.example or addresses, separated by spaces, without a port.',
  remoteEffect: 'Live video pauses for a few seconds.',
};

export type SecureWords = typeof secure;
