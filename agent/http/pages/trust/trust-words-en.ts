import type { TrustWords } from './trust-words.ts';

const CHROME_INSTALL =
  'Chrome, Edge: in the menu choose “Install Perch” (Chrome: under “Cast, save and share”; Edge: under “More tools → Apps”).';

export const ENGLISH: TrustWords = {
  lang: 'en',
  title: 'Trust this box',
  why: 'The box has its own certificate. Once {} trusts it, the connection is encrypted without a warning, and talking, sharing and installing work. The certificate is valid for local names and addresses only, never for other sites.',
  off: 'https is off, or its port is in use. The owner turns it on under Settings, System, Secure connection. Then this page offers the certificate.',
  things: { phone: 'this phone', tablet: 'this tablet', computer: 'this computer' },
  checking: 'Checking whether {} trusts the box…',
  trusted: '{} trusts the box.',
  notTrusted: '{} does not trust the box yet.',
  another: 'Another device answers at this address over https. Open this page at the address of the box itself.',
  warned: '{} does not trust the box yet. The browser opened this page despite its warning.',
  follow: 'Follow the steps below, then return to this page. It checks again by itself.',
  again: 'Check again',
  goOn: 'Continue over https',
  goOnText: 'There you can install Perch on {}.',
  open: 'Open Perch',
  steps: 'Steps',
  stepsFor: 'System',
  fingerprint: '1. Compare the fingerprint',
  compare:
    'Settings, System, Secure connection shows the same four lines, and so do the output of Perch at its start and “perch doctor”. If one differs, another machine intercepts the connection: do not install the certificate.',
  certificate: '2. Install the certificate',
  downloadProfile: 'Download profile',
  download: 'Download certificate',
  systems: [
    {
      id: 'ios',
      name: 'iPhone, iPad',
      file: 'mobileconfig',
      steps: [
        'Open this page in Safari and tap “Download profile”, then “Allow”.',
        'Open the Settings app and tap “Profile Downloaded”. (If it is missing: General → VPN & Device Management.)',
        'Tap “Install”, enter your passcode and tap “Install” again.',
        'Settings → General → About → Certificate Trust Settings, at the very bottom: turn on this box and tap “Continue”.',
      ],
      missed: 'Usually the last step is missing: Settings → General → About → Certificate Trust Settings.',
      install: [
        'Tap “Open Perch” in Safari.',
        'Tap Share (in newer versions after “…”), then “Add to Home Screen”.',
        'Tap “Add”. Leave “Open as Web App” on.',
      ],
    },
    {
      id: 'android',
      name: 'Android',
      file: 'crt',
      steps: [
        'Tap “Download certificate”. If the browser warns, tap “Keep”.',
        'Open the Settings app and search for “CA certificate”. (Pixel: Security & privacy → More security & privacy → Encryption & credentials → Install a certificate → CA certificate. Samsung: Security and privacy → More security settings → Install from phone storage → CA certificate.)',
        'Tap “Install anyway”, confirm with your PIN, and choose “perch.crt” from the downloads.',
      ],
      missed:
        'Check that you chose “CA certificate”, not “VPN & app user certificate” or “Wi-Fi certificate”. In Firefox: Settings → About Firefox, tap the logo five times, then Secret Settings → Use third party CA certificates.',
      install: [
        'Chrome: ⋮ → “Add to Home screen” → “Install”.',
        'Firefox: ⋮ → “Add app to Home screen”.',
        'Samsung Internet: ☰ → “Add page to” → “Home screen”.',
      ],
    },
    {
      id: 'windows',
      name: 'Windows',
      file: 'crt',
      steps: [
        'Click “Download certificate”. If the browser warns, click “Keep”.',
        'Open “perch.crt”, click “Install Certificate…”, choose “Current User” and click “Next”.',
        'Choose “Place all certificates in the following store”, then Browse → “Trusted Root Certification Authorities”. Click “Next”, “Finish” and “Yes”.',
        'Close all windows of the browser and open this page again. Firefox trusts what Windows trusts.',
      ],
      missed:
        'Check the store: it must be “Trusted Root Certification Authorities”. Then close all windows of the browser.',
      install: [CHROME_INSTALL],
    },
    {
      id: 'macos',
      name: 'Mac',
      file: 'crt',
      steps: [
        'Click “Download certificate”.',
        'Open “perch.crt”. Keychain Access asks for a keychain: choose “login”.',
        'In Keychain Access, under login → Certificates, open the certificate of this box.',
        'Open “Trust”, choose “Always Trust” for “When using this certificate”, close the window and enter your password. Firefox trusts what the Mac trusts.',
      ],
      missed: 'Usually “Always Trust” is missing: in Keychain Access open the certificate, then “Trust”.',
      install: ['Safari: File → “Add to Dock”.', CHROME_INSTALL],
    },
    {
      id: 'linux',
      name: 'Linux, ChromeOS (Chrome, Edge)',
      file: 'crt',
      steps: [
        'Click “Download certificate”. If the browser warns, click “Keep”.',
        'Open chrome://certificate-manager in a new tab. (In the settings: Privacy and security → Security → Manage certificates.)',
        'Local certificates → Custom → Installed by you → Trusted certificates: click “Import” and choose “perch.crt”. In older versions: Authorities → Import, then “Trust this certificate for identifying websites”.',
      ],
      missed: 'Check that the certificate is under “Trusted certificates”, not under “Your certificates”.',
      install: [CHROME_INSTALL],
    },
    {
      id: 'firefox',
      name: 'Firefox on a computer',
      file: 'crt',
      steps: [
        'Click “Download certificate” and save the file.',
        'Menu → Settings → Privacy & Security → Certificates → “View Certificates…” → Authorities → “Import…”, and choose “perch.crt”.',
        'Select “Trust this CA to identify websites” and click “OK”.',
      ],
      missed: 'Check that “Trust this CA to identify websites” is selected: Authorities → this box → “Edit Trust…”.',
      install: [
        'Firefox installs no apps on most computers. Set a bookmark, or install Perch with Chrome, Edge or Safari.',
      ],
    },
  ],
  install: 'Install on {}',
  installText: 'Perch then opens like an app, with its own icon and without the address bar.',
  installNow: 'Install',
  installed: 'Perch is installed on {}.',
  other: { lang: 'zh-CN', name: '简体中文' },
};
