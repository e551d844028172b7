import type { Reason } from './state.ts';

interface Words {
  readonly lang: string;
  readonly title: string;
  readonly lead: string;
  readonly country: string;
  readonly countryNote: string;
  readonly chooseCountry: string;
  readonly network: string;
  readonly none: string;
  readonly search: string;
  readonly searching: string;
  readonly open: string;
  readonly needsMore: string;
  readonly known: string;
  readonly hidden: string;
  readonly hiddenName: string;
  readonly password: string;
  readonly passwordNote: string;
  readonly join: string;
  readonly knownTitle: string;
  readonly knownNote: string;
  readonly forget: string;
  readonly failed: Readonly<Record<Reason, (name: string) => string>>;
  readonly faults: Readonly<Record<Fault, string>>;
  readonly joining: (name: string) => string;
  readonly joiningLead: string;
  readonly stepNetwork: (name: string) => string;
  readonly stepPage: string;
  readonly orAddress: string;
  readonly ifBack: (point: string) => string;
  readonly screen: (name: string, password: string, url: string) => readonly string[];
}

/** What is wrong with a form. */
export type Fault = 'country' | 'network' | 'name' | 'password' | 'needsPassword' | 'needsMore';

const EN: Words = {
  lang: 'en',
  title: 'Connect Perch to your Wi-Fi',
  lead: 'Perch has no cable and no Wi-Fi that it knows. Choose a network and type its password.',
  country: 'Country',
  countryNote: 'It decides which channels are allowed.',
  chooseCountry: 'Choose the country',
  network: 'Network',
  none: 'No network found. Move Perch closer to the router and search again.',
  search: 'Search again',
  searching: 'Searching…',
  open: 'open',
  needsMore: 'needs more than a password',
  known: 'saved',
  hidden: 'Another network',
  hiddenName: 'Its name',
  password: 'Password',
  passwordNote: 'Leave it empty for an open network.',
  join: 'Connect',
  knownTitle: 'Saved networks',
  knownNote: 'Perch joins the one that it can reach.',
  forget: 'Forget',
  failed: {
    wrongPassword: (name) => `Perch could not join ${name}: the password is wrong.`,
    notFound: (name) => `Perch could not join ${name}: the network was not found. Is it on, and near enough?`,
    noAddress: (name) => `Perch joined ${name}, but the router gave it no address (DHCP).`,
    refused: (name) => `Perch could not join ${name}: the router refused. Is its protection WPA2 or WPA3?`,
  },
  faults: {
    country: 'Choose the country.',
    network: 'Choose a network.',
    name: 'Type the name of the network, at most 32 bytes.',
    password: 'A Wi-Fi password has 8 to 63 letters, digits and signs without accents.',
    needsPassword: 'This network has a password: type it.',
    needsMore: 'This network needs more than a password. Perch cannot join it.',
  },
  joining: (name) => `Perch now joins ${name}`,
  joiningLead: 'Its own Wi-Fi goes off now, and this page with it. After a minute:',
  stepNetwork: (name) => `Connect your phone to ${name}.`,
  stepPage: 'Open Perch’s page:',
  orAddress: 'or, its address there last time:',
  ifBack: (point) => `If ${point} appears again, Perch could not join. Connect to it: this page then says why.`,
  screen: (name, password, url) => [
    'No cable, and no Wi-Fi that Perch knows. With a phone, scan the code or join this Wi-Fi:',
    `  ${name}   password ${password}`,
    `Then choose your network on the page that opens, or at ${url}`,
  ],
};

const ZH_CN: Words = {
  lang: 'zh-CN',
  title: '将 Perch 连接到您的 Wi-Fi',
  lead: 'Perch 没有网线，也没有已知的 Wi-Fi。请选择网络并输入密码。',
  country: '国家或地区',
  countryNote: '它决定可以使用哪些信道。',
  chooseCountry: '选择国家或地区',
  network: '网络',
  none: '未找到网络。请将 Perch 移近路由器，然后重新搜索。',
  search: '重新搜索',
  searching: '正在搜索…',
  open: '开放',
  needsMore: '仅有密码不够',
  known: '已保存',
  hidden: '其他网络',
  hiddenName: '网络名称',
  password: '密码',
  passwordNote: '开放网络请留空。',
  join: '连接',
  knownTitle: '已保存的网络',
  knownNote: 'Perch 会加入能够连接的网络。',
  forget: '移除',
  failed: {
    wrongPassword: (name) => `Perch 无法加入 ${name}：密码错误。`,
    notFound: (name) => `Perch 无法加入 ${name}：找不到该网络。路由器是否已开启，距离是否够近？`,
    noAddress: (name) => `Perch 已加入 ${name}，但路由器没有分配地址（DHCP）。`,
    refused: (name) => `Perch 无法加入 ${name}：路由器拒绝了连接。其安全类型是 WPA2 或 WPA3 吗？`,
  },
  faults: {
    country: '请选择国家或地区。',
    network: '请选择网络。',
    name: '请输入网络名称，最多 32 字节。',
    password: 'Wi-Fi 密码为 8 至 63 个英文字母、数字或符号。',
    needsPassword: '该网络有密码，请输入。',
    needsMore: '该网络仅有密码不够，Perch 无法加入。',
  },
  joining: (name) => `Perch 正在加入 ${name}`,
  joiningLead: '它自己的 Wi-Fi 和本页面现在会关闭。一分钟后：',
  stepNetwork: (name) => `将手机连接到 ${name}。`,
  stepPage: '打开 Perch 的页面：',
  orAddress: '或上次在该网络中的地址：',
  ifBack: (point) => `如果 ${point} 再次出现，说明 Perch 未能加入。请连接它，本页面会说明原因。`,
  screen: EN.screen,
};

/** @param accepted `Accept-Language` */
export const wordsFor = (accepted: string | undefined): Words => (/^\s*zh\b/i.test(accepted ?? '') ? ZH_CN : EN);

export type { Words };
