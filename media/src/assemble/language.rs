//! MP4 names languages by three letters (ISO 639-2/T); the manifest by BCP 47, which prefers two.

/// The three-letter code of a BCP 47 tag's primary language; `und` for what has none.
pub(super) fn iso_639_2(tag: &str) -> [u8; 3] {
    let primary = tag
        .split('-')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let letters = primary.chars().all(|c| c.is_ascii_lowercase());
    let three = match primary.len() {
        3 if letters => Some(primary.as_str()),
        2 => TWO_TO_THREE
            .split_ascii_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .find(|(two, _)| *two == primary)
            .map(|(_, three)| three),
        _ => None,
    };
    three
        .and_then(|three| three.as_bytes().first_chunk().copied())
        .unwrap_or(*b"und")
}

/// ISO 639-1 to 639-2/T.
const TWO_TO_THREE: &str = "\
    aa=aar ab=abk af=afr ak=aka am=amh an=arg ar=ara as=asm av=ava ay=aym az=aze ba=bak be=bel bg=bul bh=bih bi=bis \
    bm=bam bn=ben bo=bod br=bre bs=bos ca=cat ce=che ch=cha co=cos cr=cre cs=ces cu=chu cv=chv cy=cym da=dan de=deu \
    dv=div dz=dzo ee=ewe el=ell en=eng eo=epo es=spa et=est eu=eus fa=fas ff=ful fi=fin fj=fij fo=fao fr=fra fy=fry \
    ga=gle gd=gla gl=glg gn=grn gu=guj gv=glv ha=hau he=heb hi=hin ho=hmo hr=hrv ht=hat hu=hun hy=hye hz=her ia=ina \
    id=ind ie=ile ig=ibo ii=iii ik=ipk io=ido is=isl it=ita iu=iku ja=jpn jv=jav ka=kat kg=kon ki=kik kj=kua kk=kaz \
    kl=kal km=khm kn=kan ko=kor kr=kau ks=kas ku=kur kv=kom kw=cor ky=kir la=lat lb=ltz lg=lug li=lim ln=lin lo=lao \
    lt=lit lu=lub lv=lav mg=mlg mh=mah mi=mri mk=mkd ml=mal mn=mon mr=mar ms=msa mt=mlt my=mya na=nau nb=nob nd=nde \
    ne=nep ng=ndo nl=nld nn=nno no=nor nr=nbl nv=nav ny=nya oc=oci oj=oji om=orm or=ori os=oss pa=pan pi=pli pl=pol \
    ps=pus pt=por qu=que rm=roh rn=run ro=ron ru=rus rw=kin sa=san sc=srd sd=snd se=sme sg=sag si=sin sk=slk sl=slv \
    sm=smo sn=sna so=som sq=sqi sr=srp ss=ssw st=sot su=sun sv=swe sw=swa ta=tam te=tel tg=tgk th=tha ti=tir tk=tuk \
    tl=tgl tn=tsn to=ton tr=tur ts=tso tt=tat tw=twi ty=tah ug=uig uk=ukr ur=urd uz=uzb ve=ven vi=vie vo=vol wa=wln \
    wo=wol xh=xho yi=yid yo=yor za=zha zh=zho zu=zul";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_three_letters_and_nonsense_becomes_und() {
        assert_eq!(iso_639_2("en"), *b"eng");
        assert_eq!(iso_639_2("de-CH"), *b"deu");
        assert_eq!(iso_639_2("ZH-Hant-TW"), *b"zho");
        assert_eq!(iso_639_2("gsw"), *b"gsw");
        assert_eq!(iso_639_2("q1"), *b"und");
        assert_eq!(iso_639_2(""), *b"und");
    }
}
