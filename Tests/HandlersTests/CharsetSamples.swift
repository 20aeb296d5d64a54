/// Texts as Python's encoders write them: in hexadecimal digits, the encoder's name, and what we call it.
///
/// Poems, proverbs and the Universal Declaration of Human Rights.
struct CharsetSample: Sendable, CustomStringConvertible {
    let encoder: String
    let label: String
    let text: String
    let hex: String

    var description: String { "\(encoder) \(text.prefix(12))" }

    var bytes: [UInt8] {
        var digits = hex.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }[...]
        var bytes: [UInt8] = []
        while let high = digits.popFirst(), let low = digits.popFirst() { bytes.append(high << 4 | low) }
        return bytes
    }

    static let all: [CharsetSample] = [
        CharsetSample(
            encoder: "gbk", label: "gb18030",
            text: "静夜思\n床前明月光，疑是地上霜。举头望明月，低头思故乡。\n",
            hex: """
                beb2d2b9cbbc0ab4b2c7b0c3f7d4c2b9e2a3acd2c9cac7b5d8c9cfcbaaa1a3bed9cdb7cdfbc3f7d4c2a3
                acb5cdcdb7cbbcb9cacfe7a1a30a
                """),
        CharsetSample(
            encoder: "big5", label: "big5",
            text: "靜夜思\n床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。\n",
            hex: """
                c052a95dabe40aa7c9ab65a9faa4eba5faa141bac3ac4fa661a457c1f7a143c17cc059b1e6a9faa4eba1
                41a743c059abe4ac47b66da1430a
                """),
        CharsetSample(
            encoder: "shift_jis", label: "shift_jis",
            text: "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n",
            hex: """
                8ce1947982cd944c82c582a082e9814296bc914f82cd82dc82be96b382a2814282c782b182c590b682ea
                82bd82a982c682f182c68ca9939682aa82c282a982ca81420a
                """),
        CharsetSample(
            encoder: "euc-jp", label: "euc-jp",
            text: "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n",
            hex: """
                b8e3c7daa4cfc7ada4c7a4a2a4eba1a3ccbec1b0a4cfa4dea4c0ccb5a4a4a1a3a4c9a4b3a4c7c0b8a4ec
                a4bfa4aba4c8a4f3a4c8b8abc5f6a4aca4c4a4aba4cca1a30a
                """),
        CharsetSample(
            encoder: "iso2022_jp", label: "iso-2022-jp",
            text: "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n",
            hex: """
                1b24423863475a244f472d24472422246b21234c3e4130244f245e24404c352424212324492433244740
                38246c243f242b244824732448382b4576242c2444242b244c21231b28420a
                """),
        CharsetSample(
            encoder: "euc-kr", label: "euc-kr",
            text: "모든 국민은 법률이 정하는 바에 의하여 국방의 의무를 진다. 대한민국의 국민이 되는 요건은 법률로 정한다.\n",
            hex: """
                b8f0b5e720b1b9b9cec0ba20b9fdb7fcc0cc20c1a4c7cfb4c220b9d9bfa120c0c7c7cfbfa920b1b9b9e6
                c0c720c0c7b9abb8a620c1f8b4d92e20b4ebc7d1b9ceb1b9c0c720b1b9b9cec0cc20b5c7b4c220bfe4b0
                c7c0ba20b9fdb7fcb7ce20c1a4c7d1b4d92e0a
                """),
        CharsetSample(
            encoder: "koi8-r", label: "koi8-r",
            text:
                "Мой дядя самых честных правил, когда не в шутку занемог, он уважать себя заставил и лучше выдумать не мог.\n",
            hex: """
                edcfca20c4d1c4d120d3c1cdd9c820dec5d3d4ced9c820d0d2c1d7c9cc2c20cbcfc7c4c120cec520d720
                dbd5d4cbd520dac1cec5cdcfc72c20cfce20d5d7c1d6c1d4d820d3c5c2d120dac1d3d4c1d7c9cc20c920
                ccd5dedbc520d7d9c4d5cdc1d4d820cec520cdcfc72e0a
                """),
        CharsetSample(
            encoder: "cp1251", label: "windows-1251",
            text:
                "Мой дядя самых честных правил, когда не в шутку занемог, он уважать себя заставил и лучше выдумать не мог.\n",
            hex: """
                cceee920e4ffe4ff20f1e0ecfbf520f7e5f1f2edfbf520eff0e0e2e8eb2c20eaeee3e4e020ede520e220
                f8f3f2eaf320e7e0ede5eceee32c20eeed20f3e2e0e6e0f2fc20f1e5e1ff20e7e0f1f2e0e2e8eb20e820
                ebf3f7f8e520e2fbe4f3ece0f2fc20ede520eceee32e0a
                """),
        CharsetSample(
            encoder: "iso8859-5", label: "iso-8859-5",
            text:
                "Мой дядя самых честных правил, когда не в шутку занемог, он уважать себя заставил и лучше выдумать не мог.\n",
            hex: """
                bcded920d4efd4ef20e1d0dcebe520e7d5e1e2ddebe520dfe0d0d2d8db2c20daded3d4d020ddd520d220
                e8e3e2dae320d7d0ddd5dcded32c20dedd20e3d2d0d6d0e2ec20e1d5d1ef20d7d0e1e2d0d2d8db20d820
                dbe3e7e8d520d2ebd4e3dcd0e2ec20ddd520dcded32e0a
                """),
        CharsetSample(
            encoder: "cp866", label: "ibm866",
            text:
                "Мой дядя самых честных правил, когда не в шутку занемог, он уважать себя заставил и лучше выдумать не мог.\n",
            hex: """
                8caea920a4efa4ef20e1a0acebe520e7a5e1e2adebe520afe0a0a2a8ab2c20aaaea3a4a020ada520a220
                e8e3e2aae320a7a0ada5acaea32c20aead20e3a2a0a6a0e2ec20e1a5a1ef20a7a0e1e2a0a2a8ab20a820
                abe3e7e8a520a2eba4e3aca0e2ec20ada520acaea32e0a
                """),
        CharsetSample(
            encoder: "latin-1", label: "iso-8859-1",
            text:
                "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. Schöne Grüße aus München und Köln.\n",
            hex: """
                5a77f66c6620426f786be46d70666572206a6167656e2056696b746f72207175657220fc626572206465
                6e2067726fdf656e2053796c7465722044656963682e20536368f66e65204772fcdf6520617573204dfc
                6e6368656e20756e64204bf66c6e2e0a
                """),
        CharsetSample(
            encoder: "latin-1", label: "iso-8859-1",
            text:
                "Portez ce vieux whisky au juge blond qui fume. Où êtes-vous allé l'été dernier ? À la plage, près de Nîmes. Ça va être bientôt la fête.\n",
            hex: """
                506f7274657a20636520766965757820776869736b79206175206a75676520626c6f6e64207175692066
                756d652e204ff920ea7465732d766f757320616c6ce9206c27e974e9206465726e696572203f20c0206c
                6120706c6167652c207072e873206465204eee6d65732e20c76120766120ea747265206269656e74f474
                206c612066ea74652e0a
                """),
        CharsetSample(
            encoder: "latin-1", label: "iso-8859-1",
            text:
                "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío, añoraba a su querido cachorro. ¿Cómo está usted? Mañana será otro día.\n",
            hex: """
                456c2070696e67fc696e6f2057656e6365736c616f2068697a6f206b696cf36d6574726f732062616a6f
                2065786861757374697661206c6c757669612079206672ed6f2c2061f16f726162612061207375207175
                657269646f20636163686f72726f2e20bf43f36d6f20657374e12075737465643f204d61f1616e612073
                6572e1206f74726f2064ed612e0a
                """),
        CharsetSample(
            encoder: "iso8859-7", label: "iso-8859-7",
            text:
                "Σε γνωρίζω από την κόψη του σπαθιού την τρομερή, σε γνωρίζω από την όψη που με βία μετράει τη γη.\n",
            hex: """
                d3e520e3edf9f1dfe6f920e1f0fc20f4e7ed20eafcf8e720f4eff520f3f0e1e8e9effd20f4e7ed20f4f1
                efece5f1de2c20f3e520e3edf9f1dfe6f920e1f0fc20f4e7ed20fcf8e720f0eff520ece520e2dfe120ec
                e5f4f1dce5e920f4e720e3e72e0a
                """),
        CharsetSample(
            encoder: "iso8859-2", label: "iso-8859-2",
            text:
                "Litwo! Ojczyzno moja! ty jesteś jak zdrowie. Ile cię trzeba cenić, ten tylko się dowie, kto cię stracił. Dziś piękność twą w całej ozdobie widzę i opisuję, bo tęsknię po tobie.\n",
            hex: """
                4c6974776f21204f6a637a797a6e6f206d6f6a6121207479206a65737465b6206a616b207a64726f7769
                652e20496c65206369ea2074727a6562612063656e69e62c2074656e2074796c6b6f207369ea20646f77
                69652c206b746f206369ea20737472616369b32e20447a69b6207069ea6b6e6fb6e6207477b120772063
                61b3656a206f7a646f626965207769647aea2069206f706973756aea2c20626f2074ea736b6e69ea2070
                6f20746f6269652e0a
                """),
        CharsetSample(
            encoder: "cp1250", label: "windows-1250",
            text:
                "Litwo! Ojczyzno moja! ty jesteś jak zdrowie. Ile cię trzeba cenić, ten tylko się dowie, kto cię stracił. Dziś piękność twą w całej ozdobie widzę i opisuję, bo tęsknię po tobie.\n",
            hex: """
                4c6974776f21204f6a637a797a6e6f206d6f6a6121207479206a657374659c206a616b207a64726f7769
                652e20496c65206369ea2074727a6562612063656e69e62c2074656e2074796c6b6f207369ea20646f77
                69652c206b746f206369ea20737472616369b32e20447a699c207069ea6b6e6f9ce6207477b920772063
                61b3656a206f7a646f626965207769647aea2069206f706973756aea2c20626f2074ea736b6e69ea2070
                6f20746f6269652e0a
                """),
        CharsetSample(
            encoder: "cp1250", label: "windows-1250",
            text:
                "Příliš žluťoučký kůň úpěl ďábelské ódy. Všichni lidé se rodí svobodní a sobě rovní co do důstojnosti a práv.\n",
            hex: """
                50f8ed6c699a209e6c759d6f75e86bfd206bf9f220fa70ec6c20efe162656c736be920f364792e20569a
                6963686e69206c6964e920736520726f64ed2073766f626f646eed206120736f62ec20726f766eed2063
                6f20646f2064f973746f6a6e6f7374692061207072e1762e0a
                """),
        CharsetSample(
            encoder: "cp1255", label: "windows-1255",
            text: "בראשית ברא אלהים את השמים ואת הארץ. והארץ היתה תהו ובהו וחשך על פני תהום.\n",
            hex: """
                e1f8e0f9e9fa20e1f8e020e0ece4e9ed20e0fa20e4f9eee9ed20e5e0fa20e4e0f8f52e20e5e4e0f8f520
                e4e9fae420fae4e520e5e1e4e520e5e7f9ea20f2ec20f4f0e920fae4e5ed2e0a
                """),
        CharsetSample(
            encoder: "iso8859-9", label: "iso-8859-9",
            text:
                "Korkma, sönmez bu şafaklarda yüzen al sancak; sönmeden yurdumun üstünde tüten en son ocak. O benim milletimin yıldızıdır, parlayacak.\n",
            hex: """
                4b6f726b6d612c2073f66e6d657a20627520fe6166616b6c617264612079fc7a656e20616c2073616e63
                616b3b2073f66e6d6564656e2079757264756d756e20fc7374fc6e64652074fc74656e20656e20736f6e
                206f63616b2e204f2062656e696d206d696c6c6574696d696e2079fd6c64fd7afd64fd722c207061726c
                61796163616b2e0a
                """),
        CharsetSample(
            encoder: "cp1256", label: "windows-1256",
            text:
                "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا بروح الإخاء.\n",
            hex: """
                ede6e1cf20cce3edda20c7e1e4c7d320c3cdd1c7d1c720e3cad3c7e6ede420dded20c7e1dfd1c7e3c920
                e6c7e1cddee6de2e20e6decf20e6e5c8e6c720dadee1c720e6d6e3edd1c720e6dae1ede5e320c3e420ed
                dac7e3e120c8dad6e5e320c8dad6c720c8d1e6cd20c7e1c5cec7c12e0a
                """),
        CharsetSample(
            encoder: "tis-620", label: "tis-620",
            text: "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม\n",
            hex: """
                c1b9d8c9c2ecb7d1e9a7cbc5d2c2e0a1d4b4c1d2c1d5cdd4cac3d0e1c5d0e0cac1cdc0d2a4a1d1b9e3b9
                e0a1d5c2c3b5d4c8d1a1b4d4ece1c5d0cad4b7b8d420b5e8d2a7c1d5e0cbb5d8bcc5e1c5d0c1e2b9b8c3
                c3c10a
                """),
    ]
}
