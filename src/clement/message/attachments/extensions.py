"""What a file does when it is opened, by the extension of its name: what desktops of today go by."""

from __future__ import annotations

from typing import Final

from clement.message.attachment import Category

_EXTENSIONS: Final = {
    Category.EXECUTABLE: """
        386 apk app application appx appxbundle chm cpl crx deb dex diagcab diagpkg dll drv dylib elf
        exe ex_ gadget hlp ipa jar kext macho msi msix msixbundle msp mst msu nexe ocx pif pkg
        rpm run scr shs so sys vxd war xap xbap xll xpi com jnlp
    """,
    Category.SCRIPT: """
        a3x ahk applescript au3 bas bat btm cdxml chi cmd command diagcfg hta inf ins isp its job js jse jsx
        mjs msc msh msh1 msh1xml msh2 msh2xml mshxml pcd ps1 ps1xml ps2 ps2xml psc1 psc2 psd1 psm1 pyw pyz
        pyzw reg scpt scptd sct shb terminal tool vb vbe vbp vbs vbscript workflow ws wsc wsf wsh
    """,
    Category.SHORTCUT: """
        appref-ms desktop fileloc inetloc library-ms lnk mad maf mag mam maq mar mas mau mav maw mapimail
        osdx printerexport rdp scf search-ms searchconnector-ms settingcontent-ms symlink theme themepack
        url webloc website
    """,
    Category.MACRO: """
        accda accdb accde accdr accdu ade adn adp docm dotm iqy mda mdb mde mdt mdw mdz oqy potm ppa ppam
        ppsm pptm rqy sldm slk wiz xla xlam xlm xlsm xltm xlw
    """,
    Category.DISK_IMAGE: """
        cdr daa dmg ima img isz iso mdf mds nrg qcow qcow2 sparsebundle sparseimage toast udf vdi vfd vhd
        vhdx vmdk wim swm esd
    """,
    Category.ARCHIVE: """
        7z 7zip ace alz ar arc arj b1 br bz bz2 cab cbr cbz cpio egg gz gzip lha lz lz4 lzh lzma lzo rar r00
        r01 sit sitx tar taz tbz tbz2 tgz tlz txz tzst xz z zip zipx zoo zst uu uue
    """,
    Category.ACTIVE_PAGE: "htm html mht mhtml shtm shtml svg svgz xht xhtm xhtml htc hxs php asp",
    Category.DOCUMENT: """
        csv dic doc docx dot dotx epub fodp fods fodt hwp key mobi msg numbers odb odf odg odp ods odt one
        onepkg otp ots ott pages pdf pot potx pps ppsx ppt pptx ps eps pub rtf sldx sxc sxi sxw vsd vsdx wks
        wpd wps xls xlsb xlsx xlt xltx xps oxps djvu p7m p7s asc eml ics vcf
    """,
    Category.IMAGE: """
        avif bmp cr2 dng emf gif heic heif ico jfif jp2 jpe jpeg jpg jxl nef pcx png psd raw tga tif tiff webp
        wmf
    """,
    Category.MEDIA: """
        3gp aac aif aiff amr au avi flac flv m4a m4v mid mkv mov mp2 mp3 mp4 mpeg mpg oga ogg ogv opus wav
        webm wma wmv
    """,
    Category.TEXT: """
        c cfg conf cpp diff h ini java json log lua md patch pem pgp pl po py r rb rs rst sh sql srt tex text
        toml ts tsv txt xml yaml yml
    """,
}

BY_EXTENSION: Final[dict[str, Category]] = {
    extension: category for category, words in _EXTENSIONS.items() for extension in words.split()
}

HARMFUL: Final = frozenset(
    {Category.EXECUTABLE, Category.SCRIPT, Category.SHORTCUT, Category.MACRO, Category.DISK_IMAGE}
)
"""Categories that an extension alone is enough for."""

INNOCENT: Final = frozenset({Category.DOCUMENT, Category.IMAGE, Category.MEDIA, Category.TEXT})
"""What people believe they can open without a thought."""

_ZIP_BASED: Final = """
    docx docm dotx dotm xlsx xlsm xltx xltm xlsb xlam pptx pptm potx potm ppsx ppsm ppam sldx sldm vsdx vsdm
    odt ods odp odg odf odb ott ots otp sxc sxi sxw epub key numbers pages xps oxps one onepkg hwp mobi jar
    war apk ipa appx msix xpi kmz pkpass cbz idml sketch thmx wmz glox 3mf crx mpp aar
"""
ZIP_BASED: Final = frozenset(_ZIP_BASED.split())
"""Formats that are zip files under another name, or that may be."""
