/**
 * The words of the demonstration data. Institutions and campaigns are invented; topics
 * stand in the same order in every language, so that one campaign spans languages.
 */

export interface Vocabulary {
  /** Hours that local time is ahead of UTC. */
  readonly utcOffset: number;
  readonly institutions: readonly string[];
  /** Titles of events and of classes; `{topic}` and `{year}` are filled in. */
  readonly events: readonly string[];
  readonly classes: readonly string[];
  readonly topics: readonly string[];
  /** The title of the language's standing campaign. */
  readonly campaign: string;
}

const list = (text: string): readonly string[] => text.split('|').map((item) => item.trim());

/** Wikis without a vocabulary of their own use English, as many small ones do. */
export const english: Vocabulary = {
  utcOffset: -5,
  institutions: list(
    'University of Northmere | Halden Bay Public Library | Larkfield Museum of Science | Eastmarsh College | Brightwater Open Knowledge Circle',
  ),
  events: list(
    'Edit-a-thon: {topic} {year} | {topic}, an Afternoon of Editing ({year}) | “{topic}” Writing Marathon {year}',
  ),
  classes: list('Writing about {topic} ({year}) | Introduction to {topic}, {year}'),
  topics: list(
    'Women in Astronomy | Rivers and Lakes | Public Libraries | Local Museums | Climate Science | Folk Music',
  ),
  campaign: 'Open Classroom',
};

export const vocabularies: Readonly<Record<string, Vocabulary>> = {
  en: english,
  es: {
    utcOffset: -6,
    institutions: list(
      'Universidad de Valdeluz del Sur | Biblioteca Popular Ríohondo | Museo Regional de Altoclaro',
    ),
    events: list('Editatón: {topic} {year} | Taller de edición «{topic}» {year}'),
    classes: list('Curso «{topic}» {year} | Seminario de {topic}, {year}'),
    topics: list(
      'Mujeres en la astronomía | Ríos y lagos | Bibliotecas públicas | Museos locales | Ciencias del clima | Música popular',
    ),
    campaign: 'Aulas de saber abierto',
  },
  fr: {
    utcOffset: 1,
    institutions: list('Université de Montrival | Médiathèque de Valbrune | Musée des Hauts-Ormes'),
    events: list('Éditathon : {topic} {year} | Atelier d’écriture « {topic} » {year}'),
    classes: list('Cours : {topic} {year} | Séminaire « {topic} », {year}'),
    topics: list(
      'Femmes en astronomie | Fleuves et lacs | Bibliothèques publiques | Musées locaux | Sciences du climat | Musiques traditionnelles',
    ),
    campaign: 'Savoirs ouverts en classe',
  },
  de: {
    utcOffset: 1,
    institutions: list(
      'Universität Eschenfurt | Stadtbibliothek Hohenbruchtal | Museum Krähenbrück',
    ),
    events: list('Schreibwerkstatt „{topic}“ {year} | Editathon {topic} {year}'),
    classes: list('Seminar: {topic} {year} | Einführung: {topic}, {year}'),
    topics: list(
      'Frauen in der Astronomie | Flüsse und Seen | Öffentliche Bibliotheken | Heimatmuseen | Klimaforschung | Volksmusik',
    ),
    campaign: 'Offenes Wissen im Unterricht',
  },
  pt: {
    utcOffset: -3,
    institutions: list(
      'Universidade de Vila Aurora do Vale | Biblioteca Comunitária Pedramansa | Museu Ponteserena',
    ),
    events: list('Editatona: {topic} {year} | Oficina de edição: {topic} {year}'),
    classes: list('Disciplina: {topic} {year}'),
    topics: list(
      'Mulheres na astronomia | Rios e lagos | Bibliotecas públicas | Museus locais | Ciências do clima | Música tradicional',
    ),
    campaign: 'Conhecimento aberto na sala de aula',
  },
  it: {
    utcOffset: 1,
    institutions: list('Università di Montelagoscuro | Biblioteca civica di Borgoramato'),
    events: list('Editathon: {topic} {year} | Laboratorio «{topic}» {year}'),
    classes: list('Corso: {topic} {year}'),
    topics: list(
      'Donne nell’astronomia | Fiumi e laghi | Biblioteche pubbliche | Musei locali | Scienze del clima | Musica popolare',
    ),
    campaign: 'Sapere aperto a scuola',
  },
  id: {
    utcOffset: 7,
    institutions: list(
      'Universitas Tirta Kencanajati | Perpustakaan Kota Sumberpena | Komunitas Pena Lentera',
    ),
    events: list('Lokakarya {topic} {year} | Maraton Menyunting: {topic} {year}'),
    classes: list('Kelas {topic} {year}'),
    topics: list(
      'Perempuan dalam Astronomi | Sungai dan Danau | Perpustakaan Umum | Museum Daerah | Ilmu Iklim | Musik Tradisional',
    ),
    campaign: 'Kelas Pengetahuan Terbuka',
  },
  ar: {
    utcOffset: 3,
    institutions: list('جامعة وادي الزمرد | مكتبة نخيل الواحة العامة'),
    events: list('ورشة تحرير: {topic} {year} | ماراثون التحرير: {topic} {year}'),
    classes: list('مقرر {topic} {year}'),
    topics: list(
      'النساء في علم الفلك | الأنهار والبحيرات | المكتبات العامة | المتاحف المحلية | علوم المناخ | الموسيقى الشعبية',
    ),
    campaign: 'المعرفة المفتوحة في الفصل',
  },
  he: {
    utcOffset: 2,
    institutions: list('אוניברסיטת עמק השקדים | ספריית גבעת הרקפות'),
    events: list('מרתון עריכה: {topic} {year}'),
    classes: list('קורס {topic} {year}'),
    topics: list(
      'נשים באסטרונומיה | נהרות ואגמים | ספריות ציבוריות | מוזיאונים מקומיים | מדעי האקלים | מוזיקה עממית',
    ),
    campaign: 'ידע פתוח בכיתה',
  },
  hi: {
    utcOffset: 5.5,
    institutions: list('चंद्रवन विश्वविद्यालय | नीलझरना सार्वजनिक पुस्तकालय'),
    events: list('संपादन कार्यशाला: {topic} {year} | संपादनोत्सव: {topic} {year}'),
    classes: list('पाठ्यक्रम: {topic} {year}'),
    topics: list(
      'खगोल विज्ञान में महिलाएँ | नदियाँ और झीलें | सार्वजनिक पुस्तकालय | स्थानीय संग्रहालय | जलवायु विज्ञान | लोक संगीत',
    ),
    campaign: 'कक्षा में मुक्त ज्ञान',
  },
  bn: {
    utcOffset: 6,
    institutions: list('মেঘবন বিশ্ববিদ্যালয় | নীলদিঘিপাড়া গণগ্রন্থাগার'),
    events: list('সম্পাদনা কর্মশালা: {topic} {year} | এডিটাথন: {topic} {year}'),
    classes: list('পাঠ্যক্রম: {topic} {year}'),
    topics: list(
      'জ্যোতির্বিজ্ঞানে নারী | নদী ও হ্রদ | গণগ্রন্থাগার | স্থানীয় জাদুঘর | জলবায়ু বিজ্ঞান | লোকসংগীত',
    ),
    campaign: 'শ্রেণিকক্ষে মুক্ত জ্ঞান',
  },
  ta: {
    utcOffset: 5.5,
    institutions: list('பொன்மலர்வனம் பல்கலைக்கழகம் | நீலவயல் பொது நூலகம்'),
    events: list('தொகுப்பு பயிலரங்கு: {topic} {year}'),
    classes: list('பாடநெறி: {topic} {year}'),
    topics: list(
      'வானியலில் பெண்கள் | ஆறுகளும் ஏரிகளும் | பொது நூலகங்கள் | உள்ளூர் அருங்காட்சியகங்கள் | காலநிலை அறிவியல் | நாட்டுப்புற இசை',
    ),
    campaign: 'வகுப்பறையில் திறந்த அறிவு',
  },
  zh: {
    utcOffset: 8,
    institutions: list('雲溪湖大學 | 青石鎮公共圖書館'),
    events: list('編輯松:{topic}({year}) | {topic}寫作工作坊 {year}'),
    classes: list('{topic}課程 {year}'),
    topics: list('天文學中的女性 | 河流與湖泊 | 公共圖書館 | 地方博物館 | 氣候科學 | 民間音樂'),
    campaign: '開放知識課堂',
  },
  ja: {
    utcOffset: 9,
    institutions: list('青葉星丘大学 | 月見野市立図書館'),
    events: list('エディタソン「{topic}」{year} | {topic}を書く会 {year}'),
    classes: list('{topic}演習 {year}'),
    topics: list('天文学の女性たち | 川と湖 | 公共図書館 | 地域の博物館 | 気候科学 | 民謡'),
    campaign: '教室のオープンな知識',
  },
  ko: {
    utcOffset: 9,
    institutions: list('새벽강빛대학교 | 은빛숲마을도서관'),
    events: list('에디터톤: {topic} {year}'),
    classes: list('{topic} 수업 {year}'),
    topics: list('천문학의 여성들 | 강과 호수 | 공공도서관 | 지역 박물관 | 기후 과학 | 민속 음악'),
    campaign: '교실의 열린 지식',
  },
  ru: {
    utcOffset: 3,
    institutions: list('Светлоозёрнореченский университет | Библиотека посёлка Зареполье'),
    events: list('Вики-марафон: {topic} {year} | Мастерская «{topic}» {year}'),
    classes: list('Курс «{topic}» {year}'),
    topics: list(
      'Женщины в астрономии | Реки и озёра | Публичные библиотеки | Краеведческие музеи | Наука о климате | Народная музыка',
    ),
    campaign: 'Открытые знания в классе',
  },
  uk: {
    utcOffset: 2,
    institutions: list('Університет Зореграда | Бібліотека міста Вербополе'),
    events: list('Вікімарафон: {topic} {year} | Майстерня «{topic}» {year}'),
    classes: list('Курс «{topic}» {year}'),
    topics: list(
      'Жінки в астрономії | Річки та озера | Публічні бібліотеки | Краєзнавчі музеї | Наука про клімат | Народна музика',
    ),
    campaign: 'Відкриті знання в класі',
  },
  pl: {
    utcOffset: 1,
    institutions: list('Uniwersytet w Zielonobrzegu | Biblioteka Miejska w Srebrnolesiu'),
    events: list('Edytatona: {topic} {year} | Warsztaty „{topic}” {year}'),
    classes: list('Zajęcia: {topic} {year}'),
    topics: list(
      'Kobiety w astronomii | Rzeki i jeziora | Biblioteki publiczne | Muzea lokalne | Nauka o klimacie | Muzyka ludowa',
    ),
    campaign: 'Otwarta wiedza w klasie',
  },
  el: {
    utcOffset: 2,
    institutions: list('Πανεπιστήμιο Ασπρολίμνης | Βιβλιοθήκη Ανεμόχωρας'),
    events: list('Μαραθώνιος επεξεργασίας: {topic} {year}'),
    classes: list('Μάθημα: {topic} {year}'),
    topics: list(
      'Γυναίκες στην αστρονομία | Ποτάμια και λίμνες | Δημόσιες βιβλιοθήκες | Τοπικά μουσεία | Κλιματική επιστήμη | Παραδοσιακή μουσική',
    ),
    campaign: 'Ανοιχτή γνώση στην τάξη',
  },
  hy: {
    utcOffset: 4,
    institutions: list('Արևաձորակի համալսարան | Կապուտալճի գրադարան'),
    events: list('Խմբագրաթոն. {topic} {year}'),
    classes: list('Դասընթաց. {topic} {year}'),
    topics: list(
      'Կանայք աստղագիտության մեջ | Գետեր և լճեր | Հանրային գրադարաններ | Տեղական թանգարաններ | Կլիմայի գիտություն | Ժողովրդական երաժշտություն',
    ),
    campaign: 'Բաց գիտելիք դասարանում',
  },
  tr: {
    utcOffset: 3,
    institutions: list('Ayçınarlı Üniversitesi | Mavipınarova Halk Kütüphanesi'),
    events: list('Düzenleme maratonu: {topic} {year}'),
    classes: list('Ders: {topic} {year}'),
    topics: list(
      'Astronomide Kadınlar | Nehirler ve Göller | Halk Kütüphaneleri | Yerel Müzeler | İklim Bilimi | Halk Müziği',
    ),
    campaign: 'Sınıfta Açık Bilgi',
  },
  sw: {
    utcOffset: 3,
    institutions: list('Chuo Kikuu cha Ziwa Nuru | Maktaba ya Mji wa Mwangazani'),
    events: list('Warsha ya uhariri: {topic} {year}'),
    classes: list('Kozi: {topic} {year}'),
    topics: list(
      'Wanawake katika Astronomia | Mito na Maziwa | Maktaba za Umma | Makumbusho ya Mitaa | Sayansi ya Tabianchi | Muziki wa Jadi',
    ),
    campaign: 'Maarifa Huria Darasani',
  },
};

/** Titles on wikis that are not about prose. */
export const projectEvents: Readonly<Record<string, readonly string[]>> = {
  'www.wikidata.org': list('Datathon: {topic} {year} | Item Clean-up Day: {topic} {year}'),
  'commons.wikimedia.org': list('Photo Walk: {topic} {year} | Upload Week “{topic}” {year}'),
};

/** Tracked wikis by domain, with how many courses of a thousand or so call each one home. */
export const wikis: readonly (readonly [domain: string, weight: number])[] = list(
  `en.wikipedia.org 270 | www.wikidata.org 95 | es.wikipedia.org 85 | fr.wikipedia.org 55
  | commons.wikimedia.org 50 | pt.wikipedia.org 45 | ar.wikipedia.org 36 | de.wikipedia.org 34
  | id.wikipedia.org 30 | it.wikipedia.org 28 | bn.wikipedia.org 26 | uk.wikipedia.org 24
  | hi.wikipedia.org 22 | zh.wikipedia.org 20 | he.wikipedia.org 20 | ru.wikipedia.org 18
  | ja.wikipedia.org 16 | ta.wikipedia.org 15 | pl.wikipedia.org 14 | sw.wikipedia.org 14
  | ig.wikipedia.org 13 | ha.wikipedia.org 13 | yo.wikipedia.org 12 | nl.wikipedia.org 12
  | cs.wikipedia.org 12 | ca.wikipedia.org 11 | sv.wikipedia.org 11 | tr.wikipedia.org 11
  | el.wikipedia.org 10 | fa.wikipedia.org 10 | hy.wikipedia.org 9 | ko.wikipedia.org 9
  | eu.wikipedia.org 8 | sr.wikipedia.org 8 | ml.wikipedia.org 7 | te.wikipedia.org 7
  | pa.wikipedia.org 6 | mr.wikipedia.org 6 | vi.wikipedia.org 6 | th.wikipedia.org 5
  | fi.wikipedia.org 5 | da.wikipedia.org 5 | hu.wikipedia.org 5 | ro.wikipedia.org 5
  | bg.wikipedia.org 4 | ka.wikipedia.org 4 | az.wikipedia.org 4 | gl.wikipedia.org 4
  | simple.wikipedia.org 4 | tw.wikipedia.org 4 | rw.wikipedia.org 3 | qu.wikipedia.org 2
  | id.wiktionary.org 4 | fr.wiktionary.org 3 | en.wikisource.org 4 | bn.wikisource.org 4
  | wikisource.org 2 | es.wikibooks.org 3 | en.wikivoyage.org 3 | incubator.wikimedia.org 4
  | meta.wikimedia.org 5`,
).map((entry) => {
  const [domain = '', weight] = entry.split(' ');
  return [domain, Number(weight)];
});
